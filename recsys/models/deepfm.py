"""DeepFM."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from recsys.models.backbone import Backbone
from recsys.models.blocks import pairwise_sum, tower


@dataclass(frozen=True)
class DeepFM(Backbone):
    """A factorisation machine and a tower on the same vectors (Guo et al., IJCAI 2017).

    Sizes are those of the ERASE benchmark, which leaves the first-order term out.

    Args:
        hidden: sizes of the tower's layers.
        dropout: in the tower.
    """

    hidden: tuple[int, ...] = (32, 16)
    dropout: float = 0.2

    def network(self, num_fields: int, width: int) -> nn.Module:
        return _DeepFM(tower(num_fields * width, self.hidden, self.dropout))


class _DeepFM(nn.Module):
    def __init__(self, deep: nn.Module) -> None:
        super().__init__()
        self.deep = deep

    def forward(self, e: Tensor) -> Tensor:
        return pairwise_sum(e) + self.deep(e.flatten(1)).squeeze(1)
