"""Deep & Cross, the second version: cross layers with a weight matrix each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recsys.models.backbone import Backbone
from recsys.models.dcn import CrossAndDeep


@dataclass(frozen=True)
class DCNv2(Backbone):
    """Cross layers ``x <- x_0 * (W x + b) + x`` beside dense blocks (Wang et al., WWW 2021, eq. 1).

    This is the parallel form; sizes are those that the ERASE benchmark gives to DCN.

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
        layers = [_MatrixCross(inputs) for _ in range(self.crosses)]
        return CrossAndDeep(inputs, layers, self.hidden, self.dropout)


class _MatrixCross(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.matrix = nn.Linear(inputs, inputs)

    def forward(self, first: Tensor, x: Tensor) -> Tensor:
        return torch.addcmul(x, first, self.matrix(x))
