"""Wide & Deep."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from recsys.models.backbone import Backbone
from recsys.models.blocks import tower


@dataclass(frozen=True)
class WideDeep(Backbone):
    """A linear layer beside a tower (Cheng et al., DLRS 2016).

    As in the ERASE benchmark the linear layer reads the vectors, and not crossed one-hot ids.

    Args:
        hidden: sizes of the tower's layers.
        dropout: in the tower.
    """

    hidden: tuple[int, ...] = (32, 16)
    dropout: float = 0.2

    def network(self, num_fields: int, width: int) -> nn.Module:
        inputs = num_fields * width
        return _WideDeep(nn.Linear(inputs, 1), tower(inputs, self.hidden, self.dropout))


class _WideDeep(nn.Module):
    def __init__(self, wide: nn.Module, deep: nn.Module) -> None:
        super().__init__()
        self.wide, self.deep = wide, deep

    def forward(self, e: Tensor) -> Tensor:
        x = e.flatten(1)
        return (self.wide(x) + self.deep(x)).squeeze(1)
