"""FiBiNET."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from graphforget.core.errors import UserError
from recsys.models.backbone import Backbone
from recsys.models.blocks import tower


@dataclass(frozen=True)
class FiBiNET(Backbone):
    """Bilinear interactions of raw and of reweighted vectors (Huang et al., RecSys 2019).

    Interactions are the paper's "Field-Interaction" (eq. 9): one matrix for each pair of fields,
    shared by the raw and the reweighted (SENet) vectors, as in the ERASE benchmark.

    Args:
        reduction: 1 or more; the squeeze layer has ``F // reduction`` units, at least 1.
        hidden: sizes of the tower's layers.
        dropout: in the tower.

    Raises:
        UserError: for a reduction below 1.
    """

    reduction: int = 3
    hidden: tuple[int, ...] = (32, 16)
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.reduction < 1:
            raise UserError(f"FiBiNET: wanted a reduction from 1, got {self.reduction}")

    def network(self, num_fields: int, width: int) -> nn.Module:
        if num_fields < 2:
            raise UserError(
                "FiBiNET: wanted at least 2 fields, as it reads nothing but pairs of them, got "
                f"{num_fields}; begin the curve at k=2, or take another backbone"
            )
        inputs = num_fields * (num_fields - 1) * width
        return _FiBiNET(
            _SENet(num_fields, max(1, num_fields // self.reduction)),
            _Bilinear(num_fields, width),
            tower(inputs, self.hidden, self.dropout),
        )


class _FiBiNET(nn.Module):
    def __init__(self, squeeze: nn.Module, bilinear: nn.Module, deep: nn.Module) -> None:
        super().__init__()
        self.squeeze, self.bilinear, self.deep = squeeze, bilinear, deep

    def forward(self, e: Tensor) -> Tensor:
        pairs = self.bilinear(e) + self.bilinear(self.squeeze(e))
        return self.deep(torch.cat(pairs, dim=1)).squeeze(1)


class _SENet(nn.Module):
    """Weighs each field by what the means of all fields say (eq. 3 and 4): (B, F, d)."""

    def __init__(self, num_fields: int, squeezed: int) -> None:
        super().__init__()
        self.excite = nn.Sequential(
            nn.Linear(num_fields, squeezed, bias=False),
            nn.ReLU(),
            nn.Linear(squeezed, num_fields, bias=False),
            nn.ReLU(),
        )

    def forward(self, e: Tensor) -> Tensor:
        return e * self.excite(e.mean(dim=2)).unsqueeze(2)


class _Bilinear(nn.Module):
    """``(W_ij e_i) * e_j`` for every pair ``i < j``, one matrix a pair.

    The pairs of one left field are one product of matrices, shape ``(B, (F - 1 - i) d)``.
    """

    def __init__(self, num_fields: int, width: int) -> None:
        super().__init__()
        number = num_fields * (num_fields - 1) // 2
        fresh = [nn.Linear(width, width, bias=False).weight.detach().T for _ in range(number)]
        self.matrices = nn.Parameter(torch.stack(fresh))
        self._rights = tuple(range(num_fields - 1, 0, -1))

    def forward(self, e: Tensor) -> list[Tensor]:
        return [
            (e[:, left] @ matrices.transpose(0, 1).flatten(1)) * e[:, left + 1 :].flatten(1)
            for left, matrices in enumerate(self.matrices.split(self._rights))
        ]
