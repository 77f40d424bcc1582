"""How much each weight matters to some pairs: squared gradients, and how often a row is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from recsys.unlearn.pairwise import Vector, gradient, row_wise


@dataclass(frozen=True, eq=False)
class Importance:
    """Squared batch gradients of some pairs.

    Args:
        sums: summed over batches, one tensor a parameter.
        touched: in how many batches a row had a gradient, one tensor a parameter, with a number
            for each of its rows that spreads over the row.
    """

    sums: Vector
    touched: Vector

    @property
    def when_touched(self) -> Vector:
        """Mean squared gradient over the batches that touch a row.

        The plain mean over batches is small for rows of users with few pairs, because most
        batches do not hold them, and large beside it is then whatever is taken over the forgotten
        pairs, which do: dampening by that wipes rows (recsys_unlearning.md 3).
        """
        return [s / t.clamp(min=1) for s, t in zip(self.sums, self.touched, strict=True)]


def squared_gradients(
    model: nn.Module,
    loss: Callable[[Tensor], Tensor],
    pairs: Tensor,
    batches: int,
    seed: int,
) -> Importance:
    """Importance of every weight for some pairs.

    Args:
        model: whose weights.
        loss: of a batch of pairs, shape ``(2, B)``, summed.
        pairs: shape ``(2, K)``.
        batches: parts that the pairs are split into, in a random order; ``K`` at most.
        seed: of the order.
    """
    order = torch.randperm(pairs.size(1), generator=Generator().manual_seed(seed))
    sums = [torch.zeros_like(parameter) for parameter in model.parameters()]
    touched = [torch.zeros_like(row_wise(parameter)[:, :1]) for parameter in model.parameters()]
    for some in order.to(pairs.device).tensor_split(min(batches, len(order))):
        slopes = gradient(loss(pairs[:, some]) / len(some), model)
        for total, times, slope in zip(sums, touched, slopes, strict=True):
            total += slope.square()
            times += row_wise(slope).any(1, keepdim=True)
    spread = [times.expand_as(row_wise(total)).reshape(total.shape)
              for times, total in zip(touched, sums, strict=True)]
    return Importance(sums, spread)
