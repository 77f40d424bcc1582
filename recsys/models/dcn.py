"""Deep & Cross, the first version: cross layers with one weight vector each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recsys.models.backbone import Backbone
from recsys.models.blocks import dense_blocks


@dataclass(frozen=True)
class DCN(Backbone):
    """Cross layers ``x <- x_0 (w^T x) + b + x`` beside dense blocks (Wang et al. 2017, eq. 3).

    Published at ADKDD; sizes are those of the ERASE benchmark.

    Args:
        crosses: number of cross layers.
        hidden: sizes of the dense blocks.
        dropout: in the dense blocks.
    """

    crosses: int = 2
    hidden: tuple[int, ...] = (32, 16)
    dropout: float = 0.2

    def network(self, num_fields: int, width: int) -> nn.Module:
        inputs = num_fields * width
        layers = [_Cross(inputs) for _ in range(self.crosses)]
        return CrossAndDeep(inputs, layers, self.hidden, self.dropout)


class CrossAndDeep(nn.Module):
    """Cross layers and dense blocks side by side, joined by one linear output.

    Args:
        inputs: length of the vectors side by side.
        crosses: layers called with ``x_0`` and ``x``, both of shape ``(B, inputs)``.
        hidden: sizes of the dense blocks.
        dropout: in the dense blocks.
    """

    def __init__(
        self, inputs: int, crosses: Sequence[nn.Module], hidden: tuple[int, ...], dropout: float
    ) -> None:
        super().__init__()
        self.crosses = nn.ModuleList(crosses)
        self.deep = dense_blocks(inputs, hidden, dropout)
        deep = hidden[-1] if hidden else inputs
        self.output = nn.Linear(inputs + deep, 1)

    def forward(self, e: Tensor) -> Tensor:
        """Logits, shape ``(B,)``, from vectors, shape ``(B, F, d)``."""
        first = x = e.flatten(1)
        for cross in self.crosses:
            x = cross(first, x)
        return self.output(torch.cat([x, self.deep(first)], dim=1)).squeeze(1)


class _Cross(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.weight = nn.Linear(inputs, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(inputs))

    def forward(self, first: Tensor, x: Tensor) -> Tensor:
        return torch.addcmul(x + self.bias, first, self.weight(x))
