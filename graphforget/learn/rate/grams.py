"""Exact training on graphs that do not fit: grams in one pass, gradients in a second.

The coding rate of all rows needs one gram matrix a class and nothing else of the rows, so a first
pass over the batches adds up the grams and a second one gives every batch its gradient. Memory
follows the batch and the classes, not the graph (erase_graph.md 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Generator, Tensor, nn
from torch.autograd.function import once_differentiable

from graphforget.core.errors import UserError
from graphforget.learn.rate.distributed import processes, shared_factors
from graphforget.learn.rate.factors import check, class_grams, multiply, rows_by_class

Batch = TypeVar("Batch")


def two_pass(
    model: nn.Module,
    batches: Iterable[Batch],
    represent: Callable[[nn.Module, Batch], tuple[Tensor, Tensor]],
    num_classes: int,
    gamma1: float = 1.0,
    gamma2: float = 2.0,
    eps: float = 0.05,
    seed: int = 0,
    distributed: bool = False,
    process_group: dist.ProcessGroup | None = None,
) -> Tensor:
    """`coding_rate_loss` of the rows of all batches together, with its exact gradient.

    Each batch goes through the model twice, with the same dropout, and three times where single
    precision turns out to be too coarse; buffers, such as the running means of batch norm, move
    once. The gradients of the weights are computed here and handed on by the loss's ``backward()``,
    so this fits wherever a loss is wanted. It is exact as far as the batches are: a row whose
    neighbours are missing from its batch is represented without them.

    Args:
        model: the bare network, not wrapped for several processes, in the mode it shall be used in.
        batches: walked through again, and has to hold the same each time: a list, not the
            batches of `node_batches`, which differ from epoch to epoch.
        represent: called with the model and a batch; gives representations, shape ``(n, d)``, and
            labels, shape ``(n,)``, where rows with -1 are left out.
        num_classes: K.
        gamma1: weight of the classes' rates.
        gamma2: weight of the rate of all rows.
        eps: squared distortion that the code may have.
        seed: of the dropout; give each step, and each process, its own. The global generator is
            left alone.
        distributed: count the batches of all processes of `torch.distributed`, if it is running;
            every process has to call this with its share, one batch or more. Each then gets the
            whole gradient; to average it once more does no harm.
        process_group: the processes to count; all by default.

    Returns:
        A scalar.

    Raises:
        UserError: no batch, batches that differ between the passes, or what `coding_rate_loss`
            does not take.

    >>> model = nn.Linear(2, 2)
    >>> rows, labels = torch.eye(2), torch.tensor([0, 1])
    >>> def represent(model, row):
    ...     return model(rows[row]), labels[row]
    >>> loss = two_pass(model, [[0], [1]], represent, num_classes=2)
    >>> loss.backward()
    >>> model.weight.grad.shape
    torch.Size([2, 2])
    """
    dtype = None
    for double in (False, True):
        grams, counts = _first_pass(
            model, batches, represent, num_classes, gamma1, eps, seed, double
        )
        dtype = dtype or grams.dtype
        mine = counts.clone()
        found = shared_factors(grams, counts, gamma1, gamma2, eps, distributed, process_group)
        if found is not None:
            break
    assert found is not None  # double precision always does
    value, matrices = found
    parameters = [weight for weight in model.parameters() if weight.requires_grad]
    if not parameters or not torch.is_grad_enabled():
        return value.to(dtype)
    gradients, seen = _second_pass(model, batches, represent, matrices, parameters, seed)
    if seen.tolist() != mine.tolist():
        raise UserError(
            f"two passes: the second met {seen.tolist()} rows of the classes where the first met "
            f"{mine.tolist()}; pass a list of batches with the same labels both times"
        )
    if distributed and processes(process_group) > 1:
        for gradient in gradients:
            dist.all_reduce(gradient, group=process_group)
    return _Known.apply(value.to(dtype), gradients, *parameters)


@torch.no_grad()
def _first_pass(
    model: nn.Module,
    batches: Iterable[Batch],
    represent: Callable[[nn.Module, Batch], tuple[Tensor, Tensor]],
    num_classes: int,
    gamma1: float,
    eps: float,
    seed: int,
    double: bool,
) -> tuple[Tensor, Tensor]:
    """Grams, shape ``(K, d, d)``, and counts, shape ``(K,)``; the model's buffers stay."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    grams = counts = None
    for batch, own in zip(batches, _seeds(seed), strict=False):
        with _seeded(own):
            z, labels = represent(model, batch)
        check(z, labels, gamma1, eps)
        wide = z.to(torch.float64 if double or z.dtype == torch.float64 else torch.float32)
        grams = class_grams(wide, labels, num_classes, into=grams)
        sizes = _sizes(rows_by_class(labels, num_classes)).to(z.device)
        counts = sizes if counts is None else counts + sizes
    for name, buffer in model.named_buffers():
        buffer.copy_(buffers[name])
    if grams is None or counts is None:
        raise UserError("two passes: there is no batch; pass a list of one or more")
    return grams, counts


def _second_pass(
    model: nn.Module,
    batches: Iterable[Batch],
    represent: Callable[[nn.Module, Batch], tuple[Tensor, Tensor]],
    matrices: Tensor,
    parameters: list[nn.Parameter],
    seed: int,
) -> tuple[list[Tensor], Tensor]:
    """The parameters' gradients, and counts, shape ``(K,)``, of the rows that they are from."""
    gradients = [torch.zeros_like(weight) for weight in parameters]
    seen = torch.zeros(len(matrices), dtype=torch.int64)
    for batch, own in zip(batches, _seeds(seed), strict=False):
        with _seeded(own):
            z, labels = represent(model, batch)
        groups = rows_by_class(labels, len(matrices))
        seen += _sizes(groups)
        if not z.requires_grad:
            continue
        wide = z.detach().to(matrices)
        slope = multiply(wide, groups, matrices, out=torch.zeros_like(wide)).to(z.dtype)
        found = torch.autograd.grad(z, parameters, slope, allow_unused=True)
        for total, gradient in zip(gradients, found, strict=True):
            if gradient is not None:
                total += gradient
    return gradients, seen


def _seeds(seed: int) -> Iterator[int]:
    """A seed for each batch, without end."""
    generator = Generator().manual_seed(seed)
    while True:
        yield int(torch.randint(2**62, (), generator=generator))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The global generators seeded for the length of a block, then as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _sizes(groups: list[Tensor]) -> Tensor:
    return torch.tensor([len(rows) for rows in groups], dtype=torch.int64)


class _Known(torch.autograd.Function):
    """A value whose gradients for some tensors are known."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: list[Tensor], *parameters: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *(upstream * gradient for gradient in ctx.gradients)
