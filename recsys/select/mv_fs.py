"""MvFS: several views of what matters in a row, mixed, and pushed towards keep or drop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from recsys.learn import ClickTraining, train_click
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.mean_weights import InstanceGate, mean_weights

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def mixed_importance(views: Tensor, share: Tensor) -> Tensor:
    """Importance of the fields of each row, as the views hold it on average.

    Args:
        views: importance in each view, shape ``(B, K, F)``, summing to one over the fields.
        share: weight of each view, shape ``(B, K)``, summing to one.

    Returns:
        Shape ``(B, F)``.

    >>> mixed_importance(torch.tensor([[[1.0, 0.0], [0.5, 0.5]]]), torch.tensor([[0.25, 0.75]]))
    tensor([[0.6250, 0.3750]])
    """
    return torch.einsum("bkf,bk->bf", views, share)


def decided(importance: Tensor, steepness: float | Tensor, threshold: float) -> Tensor:
    r"""How far a field is kept: :math:`(1 + \tanh(\tau (I - l))) / 2`.

    Args:
        importance: any shape.
        steepness: tau; the greater, the nearer to 0 or 1.
        threshold: importance at which a field is kept by half.

    >>> decided(torch.tensor([0.0, 0.2, 0.4]), 5.0, 0.2)
    tensor([0.1192, 0.5000, 0.8808])
    """
    return 0.5 * (1 + torch.tanh(steepness * (importance - threshold)))


class MvFSGate(InstanceGate):
    """Linear controllers on all vectors of a row, a mixture of their softmaxes, a soft threshold.

    Args:
        num_fields: ``F``.
        width: ``d``.
        setting: the selector with the hyper-parameters.
    """

    steepness: Tensor
    """Of `decided` once it is above its least value, a scalar; rises with every step."""

    def __init__(self, num_fields: int, width: int, setting: MvFS) -> None:
        super().__init__()
        self.setting = setting
        self.views = nn.Linear(num_fields * width, setting.views * num_fields)
        self.mixture = nn.Linear(setting.views * num_fields, setting.views)
        self.register_buffer("steepness", torch.tensor(0.0))

    def weights(self, e: Tensor) -> Tensor:
        views = self.views(e.flatten(1)).unflatten(1, (self.setting.views, -1)).softmax(dim=2)
        share = self.mixture(views.flatten(1)).softmax(dim=1)
        steepness = self.steepness.clamp(min=self.setting.steepness)
        return decided(mixed_importance(views, share), steepness, self.setting.threshold)

    def own_optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        return Adam(parameters, lr=self.setting.gate_learning_rate)

    def after_step(self) -> None:
        self.steepness += self.setting.steepening


@dataclass(frozen=True)
class MvFS(Selector):
    """Weighs the fields of every row by several controllers; their mean weights are the scores.

    As with `AdaFS` there is nothing to retrain and no ranking that the method stands for. The
    benchmark's own code leaves the mixture uninitialised and stops at the first NaN; here its
    weights are drawn as those of any linear layer.

    Args:
        training: of network and gate together.
        views: number of controllers.
        threshold: importance at which a field is kept by half.
        steepness: of the threshold at first.
        steepening: what every step adds to a count from 0 that is the steepness once it is larger.
        gate_learning_rate: of Adam on the gate.
    """

    family: ClassVar[Family] = Family.GATE
    ranks: ClassVar[bool] = False
    paper: ClassVar[str] = "Lee et al., MvFS, CIKM 2023"

    training: ClickTraining = field(default_factory=ClickTraining)
    views: int = 6
    threshold: float = 0.2
    steepness: float = 5.0
    steepening: float = 1e-3
    gate_learning_rate: float = 1e-3

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            gate = MvFSGate(table.num_fields, self.training.width, self)
        fitted = train_click(table, backbone, self.training, seed, gate=gate)
        scores = mean_weights(fitted.model, gate, table)
        return replace(one_score_each(table, scores), gate=gate, model=fitted)
