"""A multilayer perceptron."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from recsys.models.backbone import Backbone
from recsys.models.blocks import tower


@dataclass(frozen=True)
class MLP(Backbone):
    """A tower on the vectors side by side; sizes are those of the ERASE benchmark.

    Args:
        hidden: sizes of the layers.
        dropout: after each of them.
    """

    hidden: tuple[int, ...] = (16, 16)
    dropout: float = 0.2

    def network(self, num_fields: int, width: int) -> nn.Module:
        return _MLP(tower(num_fields * width, self.hidden, self.dropout))


class _MLP(nn.Module):
    def __init__(self, deep: nn.Module) -> None:
        super().__init__()
        self.deep = deep

    def forward(self, e: Tensor) -> Tensor:
        return self.deep(e.flatten(1)).squeeze(1)
