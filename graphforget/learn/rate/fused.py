"""The coding-rate loss and its gradient at once: one product of the rows for each, and no autograd.

A class with many rows goes through its d by d gram matrix, one with few rows through the products
of its rows. What is nearly singular is done in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from graphforget.learn.rate.cholesky import cholesky, logdet
from graphforget.learn.rate.factors import (
    CHUNK,
    FAINT,
    factors,
    grams_of,
    multiply,
    plus_identity,
    rows_by_class,
)

STIFF = 1000.0
"""Size of ``c Zᵀ Z`` above which single precision does not do where no gradient tells."""


@torch.no_grad()
def value_and_gradient(
    z: Tensor,
    labels: Tensor,
    num_classes: int,
    gamma1: float = 1.0,
    gamma2: float = 2.0,
    eps: float = 0.05,
    gradient: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """`coding_rate_loss` and its gradient, in about ``4 n d^2 + (K + 1) d^3`` operations.

    Args:
        z: representations, shape ``(n, d)``, in single or double precision.
        labels: shape ``(n,)``; rows with -1 are left out.
        num_classes: K.
        gamma1: weight of the classes' rates.
        gamma2: weight of the rate of all rows.
        eps: squared distortion that the code may have.
        gradient: whether the gradient is wanted too.

    Returns:
        The value, a scalar, and the gradient, shape ``(n, d)``, or None.

    Raises:
        UserError: labels out of range, or representations that are not finite.

    >>> z = torch.eye(2)
    >>> value, slope = value_and_gradient(z, torch.tensor([0, -1]), num_classes=1)
    >>> slope[0, 0] < 0, slope[1].tolist()
    (tensor(True), [0.0, 0.0])
    """
    rows = rows_by_class(labels, num_classes)
    if not any(len(mine) for mine in rows):
        return z.new_zeros(()), torch.zeros_like(z) if gradient else None
    found = _closed_form(z, rows, gamma1, gamma2, eps, gradient)
    if found is None:
        found = _closed_form(z.double(), rows, gamma1, gamma2, eps, gradient)
    assert found is not None  # double precision always does
    value, slope = found
    return value.to(z.dtype), None if slope is None else slope.to(z.dtype)


def _closed_form(
    z: Tensor, rows: Sequence[Tensor], gamma1: float, gamma2: float, eps: float, gradient: bool
) -> tuple[Tensor, Tensor | None] | None:
    """Value and gradient; None where ``z`` is in single precision and that does not do."""
    dimension = z.size(1)
    total = sum(len(mine) for mine in rows)
    few = [mine for mine in rows if 0 < 2 * len(mine) <= dimension]
    many = [mine for mine in rows if 2 * len(mine) > dimension]
    slope = torch.zeros_like(z) if gradient else None
    rate = torch.zeros((), dtype=torch.float64, device=z.device)
    rest = z.new_zeros(dimension, dimension)

    for alike in _of_like_size(few):  # (I + c Z Zᵀ)^-1 Z = Z (I + c Zᵀ Z)^-1
        sizes = torch.tensor([len(mine) for mine in alike], device=z.device)
        there = torch.arange(int(sizes.max()), device=z.device) < sizes[:, None]
        block = z.new_zeros(*there.shape, dimension)
        block[there] = z[torch.cat(alike)]  # the zeros after them change nothing
        products = (block @ block.mT).mul_(_scales(sizes, dimension, eps).to(z))
        if slope is None and _stiff(products):
            return None
        factor = cholesky(plus_identity(products))
        rate += (sizes * logdet(factor)).sum() / (2 * total)
        rest.addmm_(block.flatten(0, 1).T, block.flatten(0, 1))
        if slope is not None:
            solved = torch.cholesky_solve(block, factor)[there]
            slope[torch.cat(alike)] = solved.mul_(gamma1 * dimension / (total * eps))

    grams = grams_of(z, many)
    counts = torch.tensor([len(mine) for mine in many], dtype=torch.int64, device=z.device)
    if slope is None and _stiff(grams, _scales(counts, dimension, eps)):
        return None
    rest_count = total - int(counts.sum())
    value, matrices, whole = factors(grams, counts, gamma1, gamma2, eps, rest, rest_count, gradient)
    if slope is not None and matrices is not None and whole is not None:
        multiply(z, many, matrices, out=slope)
        for part in torch.cat(few).split(CHUNK) if few else ():
            slope[part] += z[part] @ whole
        if _faint(slope, z, torch.cat(many + few), gamma1 * dimension / (total * eps)):
            return None
    return value + gamma1 * rate, slope


def _scales(counts: Tensor, dimension: int, eps: float) -> Tensor:
    """``c_k = d / (n_k eps)``, shape ``(K, 1, 1)``."""
    return (dimension / (counts.double() * eps))[:, None, None]


def _stiff(matrices: Tensor, scales: Tensor | float = 1.0) -> bool:
    """Whether single precision is too coarse for matrices of this size, shape ``(K, m, m)``."""
    if matrices.dtype == torch.float64 or not len(matrices):
        return False
    sizes = torch.linalg.matrix_norm(matrices)[:, None, None] * scales
    return bool((sizes > STIFF).any())


def _faint(slope: Tensor, z: Tensor, rows: Tensor, scale: float) -> bool:
    """Whether rounding, which is as large as ``scale * z``, shows in the gradient of the rows."""
    if slope.dtype == torch.float64:
        return False
    terms = scale * torch.linalg.vector_norm(z, dim=1)[rows].norm()
    return bool(slope.norm() < FAINT * terms)


def _of_like_size(groups: Sequence[Tensor], step: int = 32) -> Iterator[list[Tensor]]:
    """Groups of rows whose sizes round up to the same multiple, for one batched factorisation."""
    alike: dict[int, list[Tensor]] = {}
    for rows in groups:
        alike.setdefault(-(-len(rows) // step), []).append(rows)
    yield from alike.values()
