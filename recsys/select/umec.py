"""UMEC: the fields that a budget has no room for are pressed to zero, harder and harder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from graphforget.core.errors import UserError
from recsys.learn import ClickTraining, train_click
from recsys.models import Gate
from recsys.select.base import Family, Selection, Selector, one_score_each

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def shrink_smallest(w: Tensor, s: int, strength: float | Tensor) -> tuple[Tensor, Tensor]:
    r"""The proximal step of ``strength * sum of the s smallest squared row norms``.

    A row of that sum is divided by :math:`1 + 2 \cdot` strength; the others stay.

    Args:
        w: one row a field, shape ``(F, d)``.
        s: how many rows are one too many, 0..F.
        strength: dual variable times learning rate.

    Returns:
        The shrunken rows, shape ``(F, d)``, and the sum before it, a scalar: by how much the
        budget is overdrawn.

    >>> shrink_smallest(torch.tensor([[3.0], [1.0], [2.0]]), 2, 0.5)
    (tensor([[3.0000],
            [0.5000],
            [1.0000]]), tensor(5.))
    """
    norm = w.square().sum(dim=1)
    smallest = torch.zeros_like(norm, dtype=torch.bool)
    smallest[norm.argsort(stable=True)[:s]] = True
    shrunken = torch.where(smallest[:, None], w / (1 + 2 * strength), w)
    return shrunken, norm[smallest].sum()


class UMECGate(Gate):
    """Multiplies each field's vector by a vector of its own; a field is gone when that is zero.

    Args:
        num_fields: ``F``.
        width: ``d``.
        setting: the selector with the hyper-parameters.
    """

    pressure: Tensor
    """The dual variable of the budget, a scalar; rises while the budget is overdrawn."""

    def __init__(self, num_fields: int, width: int, setting: UMEC) -> None:
        super().__init__()
        self.setting = setting
        self.validation_every = setting.every
        self.surplus = num_fields - max(1, round(setting.keep * num_fields))
        self.w = nn.Parameter(torch.ones(num_fields, width))
        self.register_buffer("pressure", torch.tensor(0.0))

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        return e * self.w

    def own_optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        return SGD(parameters, lr=self.setting.gate_learning_rate)

    @torch.no_grad()
    def after_step(self) -> None:
        setting = self.setting
        strength = setting.gate_learning_rate * self.pressure
        shrunken, overdrawn = shrink_smallest(self.w, self.surplus, strength)
        self.w.copy_(shrunken)
        self.pressure += setting.dual_rate * overdrawn / max(1, self.surplus * self.w.size(1))

    def scores(self) -> NDArray:
        """Root mean square of each field's vector, shape ``(F,)``."""
        return self.w.detach().double().square().mean(dim=1).sqrt().cpu().numpy()


@dataclass(frozen=True)
class UMEC(Selector):
    """Trains under a budget of fields: weights descend, the price of the surplus fields ascends.

    The part of UMEC that selects inputs, with the number of fields as the only resource: the
    network's own layers are not pruned, and the group of a field is a vector on its embedding, so
    that it is the same for every backbone. Which fields are the smallest is asked anew in every
    step.

    Args:
        training: of network and gates together.
        keep: share of the fields that the budget has room for.
        every: 0 to train the gates on training batches, as published, where a field that tells
            rows apart is never too many; k to have them take a step on a validation batch after
            every k-th training step instead.
        gate_learning_rate: of plain descent on the gates.
        dual_rate: what a step adds to the price where the surplus is as large as at the start.
    """

    family: ClassVar[Family] = Family.GATE
    paper: ClassVar[str] = "Shen et al., UMEC, ICLR 2021"

    training: ClickTraining = field(default_factory=ClickTraining)
    keep: float = 0.5
    every: int = 1
    gate_learning_rate: float = 8.0
    dual_rate: float = 5e-6

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise UserError(f"UMEC: wanted keep above 0 and up to 1, got {self.keep}")

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        gate = UMECGate(table.num_fields, self.training.width, self)
        fitted = train_click(table, backbone, self.training, seed, gate=gate)
        return replace(one_score_each(table, gate.scores()), gate=gate, model=fitted)
