"""The coding rate: how many bits it takes to tell representations apart, in all and class by class.

Maximal coding rate reduction (Yu et al., NeurIPS 2020) as ERASE uses it (arXiv 2312.08852;
erase_graph.md 1.4): spread all rows out, keep each class compact. `coding_rate` and
`class_coding_rate` are the formulas as one reads them; `coding_rate_loss` is the loss for training.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphforget.learn.rate.distributed import distributed_value_and_gradient
from graphforget.learn.rate.factors import check, rows_by_class
from graphforget.learn.rate.fused import value_and_gradient


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
    distributed: bool = False,
    process_group: dist.ProcessGroup | None = None,
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
        distributed: count the rows of all processes of `torch.distributed`, if it is running;
            every process has to call this. The value is then that of all rows, and the gradient is
            multiplied by the number of processes, because `DistributedDataParallel` takes a mean.
        process_group: the processes to count; all by default.

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
    check(z, labels, gamma1, eps)
    wide = z if z.dtype in (torch.float32, torch.float64) else z.float()
    wanted = wide.requires_grad and torch.is_grad_enabled()
    compute: Callable[..., tuple[Tensor, Tensor | None]] = (
        partial(distributed_value_and_gradient, process_group=process_group)
        if distributed
        else partial(value_and_gradient, gradient=wanted)
    )
    rest = (labels, num_classes, gamma1, gamma2, eps)
    with torch.autocast(z.device.type, enabled=False):
        value = _Loss.apply(wide, compute, *rest) if wanted else compute(wide, *rest)[0]
    return value.to(z.dtype)


class _Loss(torch.autograd.Function):
    """The loss with the gradient that was computed beside it."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, compute: Callable[..., Any], *rest: Any) -> Tensor:
        value, slope = compute(z, *rest)
        ctx.save_for_backward(slope)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return upstream * slope, *(None,) * (len(ctx.needs_input_grad) - 1)
