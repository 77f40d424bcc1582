"""AutoInt."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from graphforget.core.errors import UserError
from recsys.models.backbone import Backbone


@dataclass(frozen=True)
class AutoInt(Backbone):
    """Fields attend to each other, in layers with a residual (Song et al., CIKM 2019, eq. 5 to 10).

    Scores are plain inner products, as in the paper: they are not divided by the root of the width.

    Args:
        layers: number of interacting layers.
        heads: attention heads in each.
        units: width of all heads together.
        dropout: on the attention weights.

    Raises:
        UserError: if the heads do not divide the units.
    """

    layers: int = 3
    heads: int = 2
    units: int = 64
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.heads < 1 or self.units % self.heads:
            raise UserError(
                f"AutoInt: wanted units that {self.heads} heads divide, got {self.units}"
            )

    def network(self, num_fields: int, width: int) -> nn.Module:
        inputs = [width] + [self.units] * self.layers
        layers = [_Interacting(each, self.units, self.heads, self.dropout) for each in inputs[:-1]]
        return _AutoInt(layers, nn.Linear(num_fields * inputs[-1], 1))


class _AutoInt(nn.Module):
    def __init__(self, layers: list[_Interacting], output: nn.Module) -> None:
        super().__init__()
        self.layers, self.output = nn.Sequential(*layers), output

    def forward(self, e: Tensor) -> Tensor:
        return self.output(self.layers(e).flatten(1)).squeeze(1)


class _Interacting(nn.Module):
    """One layer: (B, F, inputs) -> (B, F, units)."""

    def __init__(self, inputs: int, units: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.projections = nn.Linear(inputs, 4 * units, bias=False)
        """Query, key, value and residual, one after the other."""
        self._heads, self._dropout = heads, dropout

    def forward(self, e: Tensor) -> Tensor:
        *parts, residual = self.projections(e).chunk(4, dim=2)
        asked, key, value = (
            part.unflatten(2, (self._heads, -1)).transpose(1, 2) for part in parts
        )
        heard = F.scaled_dot_product_attention(
            asked, key, value, dropout_p=self._dropout if self.training else 0.0, scale=1.0
        )
        return F.relu(heard.transpose(1, 2).flatten(2) + residual)
