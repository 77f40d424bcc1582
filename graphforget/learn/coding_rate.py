"""The coding rate: how many bits it takes to tell representations apart, in all and class by class.

Maximal coding rate reduction (Yu et al., NeurIPS 2020) as ERASE uses it (arXiv 2312.08852;
erase_graph.md 1.4): spread all rows out, keep each class compact. `coding_rate` and
`class_coding_rate` are the formulas as one reads them; `coding_rate_loss` is the loss for training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphforget.core.errors import UserError
from graphforget.learn.cholesky import cholesky, logdet
from graphforget.learn.grams import CHUNK, factors, gram, plus_identity, rows_by_class


def coding_rate(z: Tensor, scale: float) -> Tensor:
    """``1/2 logdet(I + scale Zᵀ Z)``, by autograd as it stands.

    Args:
        z: representations, shape ``(n, d)``.
        scale: ``d / (n eps)`` for the distortion ``eps``.

    Returns:
        A scalar, 0 if there are no rows.

    >>> round(float(coding_rate(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), scale=1.0)), 4)  # log 2
    0.6931
    """
    identity = torch.eye(z.size(1), dtype=z.dtype, device=z.device)
    factor = torch.linalg.cholesky(identity + scale * z.T @ z)
    return factor.diagonal().log().sum()


def class_coding_rate(z: Tensor, labels: Tensor, num_classes: int, eps: float = 0.05) -> Tensor:
    """Each class's coding rate, weighted by its share of the rows, by autograd as it stands.

    Args:
        z: representations, shape ``(n, d)``.
        labels: shape ``(n,)``; rows with -1 are left out.
        num_classes: K; a class without rows contributes nothing.
        eps: squared distortion that the code may have.

    Returns:
        A scalar.

    >>> z = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> apart, together = torch.tensor([0, 1]), torch.tensor([0, 0])
    >>> bool(class_coding_rate(z, apart, 2) < class_coding_rate(z, together, 2))
    True
    """
    groups = [rows for rows in rows_by_class(labels, num_classes) if len(rows)]
    total = sum(len(rows) for rows in groups)
    rates = [
        len(rows) / total * coding_rate(z[rows], z.size(1) / (len(rows) * eps)) for rows in groups
    ]
    return torch.stack(rates).sum() if rates else z.sum() * 0


def coding_rate_loss(
    z: Tensor,
    labels: Tensor,
    num_classes: int,
    gamma1: float = 1.0,
    gamma2: float = 2.0,
    eps: float = 0.05,
) -> Tensor:
    """ERASE's loss ``gamma1 Rc - gamma2 R``, with value and gradient computed at once.

    ``R = 1/2 logdet(I + gamma1 d / (n eps) Zᵀ Z)``, ``Rc`` is `class_coding_rate`; n counts the
    rows that have a label. The gradient is the closed form, so nothing of the size of the classes'
    factors is kept for the backward pass, and nothing of size n by n is ever made. It cannot be
    differentiated twice.

    Args:
        z: representations, shape ``(n, d)``.
        labels: shape ``(n,)``, whole numbers below ``num_classes``; rows with -1 are left out and
            get no gradient.
        num_classes: K.
        gamma1: weight of the classes' rates; it is also inside ``R``, as published.
        gamma2: weight of the rate of all rows.
        eps: squared distortion that the code may have.

    Returns:
        A scalar of ``z``'s type; 0 if no row has a label.

    Raises:
        UserError: shapes or labels that do not fit, ``eps`` that is not positive, a negative
            ``gamma1``, or representations that are not finite.

    >>> z = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    >>> labels = torch.tensor([0, 1])
    >>> loss = coding_rate_loss(z, labels, num_classes=2)
    >>> naive = class_coding_rate(z, labels, 2, eps=0.05) - 2 * coding_rate(z, 2 / (2 * 0.05))
    >>> bool(torch.isclose(loss, naive))
    True
    >>> loss.backward()
    >>> bool((z.grad.diagonal() < 0).all())  # longer rows are told apart more easily
    True
    """
    if z.dim() != 2 or z.size(0) != labels.size(0):
        raise UserError(
            f"coding rate: wanted representations (n, d) and labels (n,), got {tuple(z.shape)} and "
            f"{tuple(labels.shape)}"
        )
    if not (eps > 0 and gamma1 >= 0):
        raise UserError(
            f"coding rate: eps must be above 0 and gamma1 not below, got {eps} and {gamma1}"
        )
    wide = z if z.dtype in (torch.float32, torch.float64) else z.float()
    with torch.autocast(z.device.type, enabled=False):
        if wide.requires_grad and torch.is_grad_enabled():
            value = _Loss.apply(wide, labels, num_classes, gamma1, gamma2, eps)
        else:
            value, _ = value_and_gradient(wide, labels, num_classes, gamma1, gamma2, eps, False)
    if not bool(value.isfinite()):
        raise UserError(
            "coding rate: the representations are not finite; look for NaN features or lower the "
            "learning rate"
        )
    return value.to(z.dtype)


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
    """`coding_rate_loss` and its gradient, shape ``(n, d)``, without autograd.

    A class with many rows goes through its ``(d, d)`` gram, one with few through the products of
    its rows, ``(I + c Z Zᵀ)^-1 Z = Z (I + c Zᵀ Z)^-1``. The gram of all rows is the sum of both.
    """
    dimension = z.size(1)
    rows = rows_by_class(labels, num_classes)
    total = sum(len(mine) for mine in rows)
    slope = torch.zeros_like(z) if gradient else None
    if total == 0:
        return z.new_zeros(()), slope
    few = [mine for mine in rows if 0 < 2 * len(mine) <= dimension]
    many = [mine for mine in rows if 2 * len(mine) > dimension]

    rates = torch.zeros((), dtype=torch.float64, device=z.device)
    rest = z.new_zeros(dimension, dimension)
    for alike in _of_like_size(few):
        sizes = torch.tensor([len(mine) for mine in alike], device=z.device)
        there = torch.arange(int(sizes.max()), device=z.device) < sizes[:, None]
        block = z.new_zeros(*there.shape, dimension)
        block[there] = z[torch.cat(alike)]  # rows of zeros after them change nothing
        scales = (dimension / (sizes.double() * eps)).to(z)
        factor = cholesky(plus_identity((block @ block.mT).mul_(scales[:, None, None])))
        rates += (sizes * logdet(factor)).sum() / (2 * total)
        rest.addmm_(block.flatten(0, 1).T, block.flatten(0, 1))
        if slope is not None:
            solved = torch.cholesky_solve(block, factor)[there]
            slope[torch.cat(alike)] = solved.mul_(gamma1 * dimension / (total * eps))

    grams = torch.stack([gram(z, mine) for mine in many]) if many else rest.expand(0, *rest.shape)
    counts = torch.tensor([len(mine) for mine in many], dtype=torch.int64, device=z.device)
    found = factors(grams, counts, gamma1, gamma2, eps, rest, total - int(counts.sum()), gradient)
    if slope is not None and found.matrices is not None and found.whole is not None:
        for part in torch.cat(few).split(CHUNK) if few else ():
            slope[part] += z[part] @ found.whole
        for mine, matrix in zip(many, found.matrices, strict=True):
            for part in mine.split(CHUNK):
                slope[part] = z[part] @ matrix
    return (found.value + gamma1 * rates).to(z.dtype), slope


def _of_like_size(groups: list[Tensor], step: int = 32) -> Iterator[list[Tensor]]:
    """Groups of rows whose sizes round up to the same multiple, for one batched factorisation."""
    alike: dict[int, list[Tensor]] = {}
    for rows in groups:
        alike.setdefault(-(-len(rows) // step), []).append(rows)
    yield from alike.values()


class _Loss(torch.autograd.Function):
    """The loss with the gradient that was computed beside it."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, *settings: Any) -> Tensor:
        value, slope = value_and_gradient(z, *settings)
        ctx.save_for_backward(slope)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return upstream * slope, None, None, None, None, None
