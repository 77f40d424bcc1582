"""Adam that takes sparse gradients and moves every row all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam


class SpreadAdam(Adam):
    """Fused Adam, the same as ever, to which sparse gradients are as good as dense ones.

    A dense gradient of a large table is allocated and zeroed anew at every step, which on a CPU
    takes longer than the step. Here one buffer holds it, and only touched rows of it are written
    and cleared. Weights are the same to the bit as with dense gradients of the same values.

    >>> weight = torch.nn.Parameter(torch.ones(3, 1))
    >>> weight.grad = torch.sparse_coo_tensor([[1]], [[2.0]], (3, 1), check_invariants=True)
    >>> SpreadAdam([weight], lr=0.5, fused=True).step()
    >>> [round(each, 6) for each in weight.flatten().tolist()]
    [1.0, 0.5, 1.0]
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of Adam on all weights."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        sparse = [
            weight
            for group in self.param_groups
            for weight in group["params"]
            if weight.grad is not None and weight.grad.is_sparse
        ]
        given = [weight.grad for weight in sparse]
        touched = [touched_rows(gradient) for gradient in given]
        for weight, (rows, values) in zip(sparse, touched, strict=True):
            weight.grad = self._buffer(weight).index_copy_(0, rows, values)
        super().step()
        for weight, gradient, (rows, _) in zip(sparse, given, touched, strict=True):
            weight.grad.index_fill_(0, rows, 0)
            weight.grad = gradient
        return loss

    def _buffer(self, weight: Tensor) -> Tensor:
        buffers = self.__dict__.setdefault("_buffers", {})  # not state: it is zero between steps
        if weight not in buffers:
            buffers[weight] = torch.zeros_like(weight)
        return buffers[weight]


def touched_rows(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """The rows that have a gradient, ascending, and their gradients.

    Args:
        gradient: sparse in its first dimension, shape ``(N, d)``.

    Returns:
        Shapes ``(U,)`` and ``(U, d)``.
    """
    rows = gradient._indices()[0]
    if not gradient.is_coalesced() and not bool((rows[1:] > rows[:-1]).all()):
        gradient = gradient.coalesce()  # autograd loses the mark of those that are
    return gradient._indices()[0], gradient._values()
