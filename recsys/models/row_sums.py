"""A lookup whose gradient names the touched rows, each once, with the sum of its gradients."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

RADIX = 32_768
"""Numbers from which on torch sorts integers by radix; somewhat fewer take several times longer."""


def row_sums(places: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Sums the values that belong to the same row.

    One sort of the places and one pass over the values: several times quicker on a CPU than the
    gradient of `torch.nn.functional.embedding` or coalescing its sparse one, and as exact.

    Args:
        places: rows, shape ``(K,)``, each below 2^31 - 1.
        values: shape ``(K, d)``.

    Returns:
        The rows that are named, ascending, shape ``(U,)``, and their sums, shape ``(U, d)``.

    >>> row_sums(torch.tensor([7, 2, 7]), torch.tensor([[1.0], [2.0], [4.0]]))
    (tensor([2, 7]), tensor([[2.],
            [5.]]))
    """
    ascending, order = _sorted(places.int())
    rows, counts = torch.unique_consecutive(ascending, return_counts=True)
    return rows.long(), F.embedding_bag(order, values, counts.cumsum(0) - counts, mode="sum")


def _sorted(places: Tensor) -> tuple[Tensor, Tensor]:
    """A stable sort, shape ``(K,)``, in the way that is quickest on a CPU."""
    missing = RADIX - len(places)
    if not places.is_cpu or not 0 < missing < 3 * RADIX // 4:
        return places.sort(stable=True)
    padded = F.pad(places, (0, missing), value=torch.iinfo(places.dtype).max)
    ascending, order = padded.sort(stable=True)
    return ascending[: len(places)], order[: len(places)]


class SparseLookup(torch.autograd.Function):
    """Rows of a weight: forward as an embedding, backward a coalesced sparse gradient."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, places: Tensor) -> Tensor:
        """Rows of ``weight``, shape ``(N, d)``, at ``places``, shape ``(B, C)``: (B, C, d)."""
        ctx.save_for_backward(places)
        ctx.size = weight.size()
        return weight.index_select(0, places.flatten()).view(*places.shape, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The gradient of ``weight``, sparse in its first dimension."""
        (places,) = ctx.saved_tensors
        rows, sums = row_sums(places.flatten(), gradient.flatten(0, 1))
        return torch.sparse_coo_tensor(
            rows[None], sums, ctx.size, is_coalesced=True, check_invariants=False
        ), None
