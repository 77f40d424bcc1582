"""The coding rate of rows that are spread over processes: only the grams travel."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from graphforget.learn.rate.factors import class_grams, factors, faint, multiply, rows_by_class


def summed(
    grams: Tensor, counts: Tensor, process_group: dist.ProcessGroup | None = None
) -> tuple[Tensor, Tensor]:
    """The grams and counts of all processes' rows, in place of this process's.

    Args:
        grams: of this process's rows, shape ``(K, d, d)``.
        counts: its rows of each class, shape ``(K,)``.
        process_group: the processes; all by default.

    Returns:
        The same two tensors, summed. Without `torch.distributed` running, as they were.

    >>> summed(torch.eye(2)[None], torch.tensor([2]))[1]
    tensor([2])
    """
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(grams, group=process_group)
        dist.all_reduce(counts, group=process_group)
    return grams, counts


def processes(process_group: dist.ProcessGroup | None = None) -> int:
    """How many processes there are; 1 without `torch.distributed` running."""
    running = dist.is_available() and dist.is_initialized()
    return dist.get_world_size(process_group) if running else 1


def shared_factors(
    grams: Tensor,
    counts: Tensor,
    gamma1: float,
    gamma2: float,
    eps: float,
    distributed: bool = True,
    process_group: dist.ProcessGroup | None = None,
) -> tuple[Tensor, Tensor] | None:
    """Value and matrices of `factors` for the rows of all processes, in each of them.

    Args:
        grams: of this process's rows, shape ``(K, d, d)``; overwritten with those of all.
        counts: its rows of each class, shape ``(K,)``; overwritten likewise.
        gamma1: weight of the classes' rates.
        gamma2: weight of the rate of all rows.
        eps: squared distortion that the code may have.
        distributed: whether to count other processes' rows at all.
        process_group: the processes; all by default.

    Returns:
        None, in every process, if the grams are in single precision and that is too coarse.
    """
    several = distributed and processes(process_group) > 1
    if several:
        summed(grams, counts, process_group)
    value, matrices, _ = factors(grams, counts, gamma1, gamma2, eps)
    assert matrices is not None  # they are asked for by default
    scale = gamma1 * grams.size(-1) / (max(1, int(counts.sum())) * eps)
    coarse = grams.dtype == torch.float32 and faint(grams, matrices, scale)
    if several and grams.dtype == torch.float32:
        flag = torch.tensor(int(coarse), device=grams.device)
        dist.all_reduce(flag, op=dist.ReduceOp.MAX, group=process_group)
        coarse = bool(flag)
    return None if coarse else (value, matrices)


@torch.no_grad()
def distributed_value_and_gradient(
    z: Tensor,
    labels: Tensor,
    num_classes: int,
    gamma1: float = 1.0,
    gamma2: float = 2.0,
    eps: float = 0.05,
    process_group: dist.ProcessGroup | None = None,
) -> tuple[Tensor, Tensor]:
    """The loss of all processes' rows, and this process's rows of its gradient, times k.

    k is the number of processes: `DistributedDataParallel` divides the sum of the processes'
    gradients by it, and what comes out is the gradient that one process with all rows would have.

    Args:
        z: this process's representations, shape ``(n, d)``; n may differ, and may be 0.
        labels: shape ``(n,)``; rows with -1 are left out.
        num_classes: K.
        gamma1: weight of the classes' rates.
        gamma2: weight of the rate of all rows.
        eps: squared distortion that the code may have.
        process_group: the processes; all by default.

    Returns:
        The value, the same in every process, and the gradient, shape ``(n, d)``.
    """
    groups = rows_by_class(labels, num_classes)
    for wide in (z, z.double()) if z.dtype == torch.float32 else (z,):
        grams = class_grams(wide, labels, num_classes)
        counts = torch.tensor([len(rows) for rows in groups], dtype=torch.int64, device=z.device)
        found = shared_factors(grams, counts, gamma1, gamma2, eps, process_group=process_group)
        if found is not None:
            break
    assert found is not None  # double precision always does
    value, matrices = found
    slope = multiply(wide, groups, matrices, out=torch.zeros_like(wide))
    return value.to(z.dtype), slope.mul_(processes(process_group)).to(z.dtype)
