"""The coding rate from one gram matrix a class, which is all that rows need to know of each other.

The grams of the classes add up to the gram of all rows, and they add up over batches and over
processes. Factored once they give every row its gradient by one product with its own class's
matrix, so neither the value nor the gradient needs all rows in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.learn.rate.cholesky import cholesky, logdet

CHUNK = 8192
"""Rows that are gathered at a time: bounds what is copied, long enough for a fast product."""


def check(z: Tensor, labels: Tensor, gamma1: float, eps: float) -> None:
    """Raise a UserError for rows, labels or settings that have no coding rate."""
    if z.dim() != 2 or z.size(1) == 0 or not z.is_floating_point() or len(z) != labels.numel():
        raise UserError(
            f"coding rate: wanted representations (n, d) and labels (n,), got {tuple(z.shape)} of "
            f"{z.dtype} and {tuple(labels.shape)}"
        )
    if not (eps > 0 and gamma1 >= 0):
        raise UserError(
            f"coding rate: eps must be above 0 and gamma1 not below, got {eps} and {gamma1}"
        )


def rows_by_class(labels: Tensor, num_classes: int) -> list[Tensor]:
    """The rows that carry each label, in their order.

    Args:
        labels: shape ``(n,)``, whole numbers; -1 is a row that is left out.
        num_classes: K.

    Returns:
        K tensors of row numbers, empty for a class without rows.

    Raises:
        UserError: labels that are not whole numbers from -1 to ``num_classes - 1``.

    >>> rows_by_class(torch.tensor([2, 0, -1, 2]), num_classes=3)
    [tensor([1]), tensor([], dtype=torch.int64), tensor([0, 3])]
    """
    if labels.dim() != 1 or labels.is_floating_point() or labels.is_complex():
        raise UserError(
            f"coding rate labels: wanted shape (n,) of whole numbers, got {tuple(labels.shape)} "
            f"of {labels.dtype}; take the argmax of soft labels"
        )
    if labels.numel() and not -1 <= int(labels.min()) <= int(labels.max()) < num_classes:
        raise UserError(
            f"coding rate labels: wanted -1 up to {num_classes - 1}, got {int(labels.min())} to "
            f"{int(labels.max())}; -1 leaves a row out"
        )
    sizes = torch.bincount(labels + 1, minlength=num_classes + 1)
    return list(labels.argsort(stable=True).split(sizes.tolist()))[1:]


def class_grams(z: Tensor, labels: Tensor, num_classes: int, into: Tensor | None = None) -> Tensor:
    """``Z_kᵀ Z_k`` for every class k; their sum is the gram of all labelled rows.

    Args:
        z: representations, shape ``(n, d)``.
        labels: shape ``(n,)``; rows with -1 are left out.
        num_classes: K.
        into: grams of other rows to add these to, in place, shape ``(K, d, d)``.

    Returns:
        Shape ``(K, d, d)``, zero for a class without rows.

    Raises:
        UserError: labels out of range.

    >>> z = torch.tensor([[1.0, 2.0], [0.0, 1.0], [5.0, 5.0]])
    >>> class_grams(z, torch.tensor([0, 0, -1]), num_classes=2)
    tensor([[[1., 2.],
             [2., 5.]],
    <BLANKLINE>
            [[0., 0.],
             [0., 0.]]])
    """
    return grams_of(z, rows_by_class(labels, num_classes), into)


def grams_of(z: Tensor, groups: Sequence[Tensor], into: Tensor | None = None) -> Tensor:
    """The gram of each group of row numbers, shape ``(len(groups), d, d)``."""
    grams = z.new_zeros(len(groups), z.size(1), z.size(1)) if into is None else into
    for total, rows in zip(grams, groups, strict=True):
        for part in rows.split(CHUNK):
            total.addmm_(z[part].T, z[part])
    return grams


def multiply(z: Tensor, groups: Sequence[Tensor], matrices: Tensor, out: Tensor) -> Tensor:
    """Write ``Z_k @ matrices[k]`` to the rows of each group; rows in none are left as they are.

    Args:
        z: shape ``(n, d)``.
        groups: K tensors of row numbers.
        matrices: shape ``(K, d, d)``.
        out: written in place, shape ``(n, d)``.
    """
    for matrix, rows in zip(matrices, groups, strict=True):
        for part in rows.split(CHUNK):
            out[part] = z[part] @ matrix
    return out


FAINT = 0.04
"""Size of the gradient, over what its terms would add up to, below which they cancel so far that
single precision keeps fewer than five digits: rows that have nearly collapsed."""


def faint(grams: Tensor, matrices: Tensor, scale: float) -> bool:
    """Whether rounding, which is as large as ``scale Z``, shows in the gradient ``Z_k M_k``.

    Args:
        grams: of the rows of each class, shape ``(K, d, d)``.
        matrices: what turns them into gradients, shape ``(K, d, d)``.
        scale: weight of a single term of the gradient, ``gamma1 d / (n eps)``.
    """
    squared = ((grams @ matrices) * matrices).sum().clamp(min=0)
    terms = grams.diagonal(dim1=-2, dim2=-1).sum()
    return bool(squared.sqrt() < FAINT * scale * terms.sqrt())


class Factors(NamedTuple):
    """The loss and what turns rows into their gradients."""

    value: Tensor
    """The loss, a scalar in double precision."""
    matrices: Tensor | None
    """Shape ``(K, d, d)``: rows of class k have the gradient ``Z_k @ matrices[k]``."""
    whole: Tensor | None
    """Shape ``(d, d)``: the part of every such matrix that comes from the rate of all rows."""


def factors(
    grams: Tensor,
    counts: Tensor,
    gamma1: float = 1.0,
    gamma2: float = 2.0,
    eps: float = 0.05,
    rest: Tensor | None = None,
    rest_count: int = 0,
    gradient: bool = True,
) -> Factors:
    """The loss of `coding_rate_loss` and its gradient's factors, from grams alone.

    With n rows in all, n_k of them in class k (ERASE, arXiv 2312.08852; erase_graph.md 1.4):
    ``dL/dZ_k = d / (n eps) Z_k (gamma1 (I + c_k G_k)^-1 - gamma1 gamma2 (I + c_0 G)^-1)``,
    ``c_k = d / (n_k eps)``, ``c_0 = gamma1 d / (n eps)``.

    Args:
        grams: of the classes, shape ``(K, d, d)``.
        counts: rows of each class, shape ``(K,)``; a class without rows contributes nothing.
        gamma1: weight of the classes' rates.
        gamma2: weight of the rate of all rows.
        eps: squared distortion that the code may have.
        rest: gram of rows whose classes are dealt with elsewhere, shape ``(d, d)``.
        rest_count: how many rows that are.
        gradient: whether the matrices are wanted too.

    Returns:
        The value, without the class rates of the rest, and the matrices.

    Raises:
        UserError: grams that are not finite.

    >>> value, matrices, _ = factors(torch.eye(2)[None], torch.tensor([2]), gamma2=1.0)
    >>> round(float(value), 6), float(matrices.abs().max()) < 1e-6  # one class: nothing to tell
    (0.0, True)
    """
    dimension = grams.size(-1)
    total = int(counts.sum()) + rest_count
    if total == 0:
        zero = torch.zeros_like(grams)
        return Factors(grams.new_zeros((), dtype=torch.float64), zero, zero.sum(0))
    scale = dimension / (total * eps)
    whole = grams.sum(0) if rest is None else grams.sum(0) + rest
    scales = torch.where(counts > 0, dimension / (counts.double().clamp(min=1) * eps), 0)
    inner = cholesky(plus_identity(grams * scales.to(grams)[:, None, None]))
    outer = cholesky(plus_identity(whole[None] * (gamma1 * scale)))
    rates = (counts.double() * logdet(inner)).sum() / (2 * total)
    value = gamma1 * rates - gamma2 / 2 * logdet(outer)[0]
    if not bool(value.isfinite()):
        raise UserError(
            "coding rate: the representations are not finite or too large; look for NaN features "
            "or lower the learning rate"
        )
    if not gradient:
        return Factors(value, None, None)
    shared = torch.cholesky_inverse(outer)[0].mul_(-gamma1 * gamma2 * scale)
    matrices = torch.cholesky_inverse(inner).mul_(gamma1 * scale).add_(shared)
    return Factors(value, matrices, shared)


def plus_identity(matrices: Tensor) -> Tensor:
    """Add one to the diagonals, in place; shape ``(B, m, m)``."""
    matrices.diagonal(dim1=-2, dim2=-1).add_(1)
    return matrices
