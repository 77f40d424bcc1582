"""Which nodes hear which, as compressed rows, and the weighted sums over them.

A layer that gathers one message an edge moves ``E * C`` numbers several times; a product of a
sparse matrix with the nodes' features moves each once, and its gradient has the same form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.weak import WeakTensorKeyDictionary
from torch_geometric.utils import add_self_loops, remove_self_loops

from graphforget.nn.csr import csr


@dataclass(frozen=True, eq=False)
class Pattern:
    """The edges of a graph in the order of compressed rows, with a loop at each node.

    Args:
        start: where the edges into a node begin, shape ``(N + 1,)`` int32.
        target: node that an edge goes to, shape ``(E,)`` int64.
        source: node that an edge comes from, shape ``(E,)`` int64.
        back_start: where the edges out of a node begin, shape ``(N + 1,)`` int32.
        back_order: edges sorted by where they come from, shape ``(E,)`` int64.
    """

    start: Tensor
    target: Tensor
    source: Tensor
    back_start: Tensor
    back_order: Tensor

    @classmethod
    def of(cls, edge_index: Tensor, num_nodes: int) -> Pattern:
        """The pattern of a graph.

        Args:
            edge_index: shape ``(2, E)``.
            num_nodes: ``N``.

        >>> Pattern.of(torch.tensor([[0], [1]]), 2).start
        tensor([0, 1, 3], dtype=torch.int32)
        """
        edges, _ = add_self_loops(remove_self_loops(edge_index)[0], num_nodes=num_nodes)
        source, target = edges[:, (edges[1] * num_nodes + edges[0]).argsort(stable=True)]
        back_order = (source * num_nodes + target).argsort(stable=True)
        return cls(
            _starts(target, num_nodes), target, source, _starts(source, num_nodes), back_order
        )

    def matrix(self, weight: Tensor) -> Tensor:
        """The sparse matrix ``(N, N)`` whose row ``i`` weighs the edges into node ``i``."""
        return _csr(self.start, self.source, weight)

    def transposed(self, weight: Tensor) -> Tensor:
        """The transpose of `matrix`."""
        return _csr(self.back_start, self.target[self.back_order], weight[self.back_order])


def pattern_of(edge_index: Tensor, num_nodes: int) -> Pattern:
    """The pattern of a graph, kept for as long as ``edge_index`` itself lives unchanged."""
    if edge_index.is_inference():  # its changes are not counted
        return Pattern.of(edge_index, num_nodes)
    known = _PATTERNS.get(edge_index)
    now = (num_nodes, edge_index._version)
    if known is None or known[0] != now:
        known = (now, Pattern.of(edge_index, num_nodes))
        _PATTERNS[edge_index] = known
    return known[1]


def multiplies_sparsely(x: Tensor) -> bool:
    """Whether torch has the sparse products for features of this type where they are.

    >>> multiplies_sparsely(torch.zeros(2, 3, dtype=torch.bfloat16))
    False
    """
    there = x.is_cuda or (x.device.type == "cpu" and torch.backends.mkl.is_available())
    return there and x.dtype in (torch.float32, torch.float64)


class WeightedSum(torch.autograd.Function):
    """``out[i, h] = sum over edges e from j to i of weight[e, h] * x[j, h]``.

    Called as ``WeightedSum.apply(weight, x, pattern)`` with ``weight``, shape ``(E, H)``, and
    ``x``, shape ``(N, H, C)``; gives ``(N, H, C)``. Differentiable once.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: Tensor, pattern: Pattern) -> Tensor:
        """The sums, one sparse product a head."""
        ctx.save_for_backward(weight, x)
        ctx.pattern = pattern
        heads = zip(weight.unbind(1), x.unbind(1), strict=True)
        return torch.stack([pattern.matrix(w) @ each.contiguous() for w, each in heads], 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Gradients in the weights, at the edges only, and in the features."""
        weight, x = ctx.saved_tensors
        to_weight = to_x = None
        slopes = [each.contiguous() for each in gradient.unbind(1)]
        if ctx.needs_input_grad[0]:
            empty = ctx.pattern.matrix(torch.zeros_like(weight[:, 0]))
            to_weight = torch.stack(
                [
                    torch.sparse.sampled_addmm(empty, slope, each.t()).values()
                    for slope, each in zip(slopes, x.unbind(1), strict=True)
                ],
                1,
            )
        if ctx.needs_input_grad[1]:
            heads = zip(weight.unbind(1), slopes, strict=True)
            to_x = torch.stack([ctx.pattern.transposed(w) @ slope for w, slope in heads], 1)
        return to_weight, to_x, None


_PATTERNS = WeakTensorKeyDictionary()


def _starts(ends: Tensor, num_nodes: int) -> Tensor:
    starts = torch.zeros(num_nodes + 1, dtype=torch.int32, device=ends.device)
    starts[1:] = torch.bincount(ends, minlength=num_nodes).cumsum(0)
    return starts


def _csr(start: Tensor, column: Tensor, value: Tensor) -> Tensor:
    size = start.numel() - 1
    return csr(start, column.int(), value, (size, size))
