"""The factorisation machine."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from recsys.models.backbone import Backbone
from recsys.models.blocks import pairwise_sum


@dataclass(frozen=True)
class FM(Backbone):
    """Inner products of all pairs of fields, summed (Rendle, ICDM 2010); no weights of its own.

    As in the ERASE benchmark there is no first-order term and no bias, so on a single field every
    logit is 0.
    """

    def network(self, num_fields: int, width: int) -> nn.Module:
        return _FM()


class _FM(nn.Module):
    def forward(self, e: Tensor) -> Tensor:
        return pairwise_sum(e)
