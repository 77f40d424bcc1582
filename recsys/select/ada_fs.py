"""AdaFS: a small network weighs the fields of every row anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from graphforget.core.errors import UserError
from recsys.learn import ClickTraining, train_click
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.mean_weights import InstanceGate, mean_weights

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def top_weights(weights: Tensor, k: int) -> Tensor:
    """The k largest weights of each row, scaled to sum to one; the others 0.

    Args:
        weights: positive, shape ``(B, F)``.
        k: 1..F.

    >>> top_weights(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]), 2)
    tensor([[0.6250, 0.3750, 0.0000],
            [0.1111, 0.0000, 0.8889]])
    """
    kept, place = weights.topk(k, dim=1)
    kept = kept / kept.sum(dim=1, keepdim=True)
    return torch.zeros_like(weights).scatter(1, place, kept)


class AdaFSGate(InstanceGate):
    """A controller of one hidden layer on all vectors of a row, and a softmax over its fields.

    Args:
        num_fields: ``F``.
        width: ``d``.
        setting: the selector with the hyper-parameters.
    """

    awake: Tensor
    """Whether the pretraining is over, a scalar bool."""

    def __init__(self, num_fields: int, width: int, setting: AdaFS) -> None:
        super().__init__()
        self.setting = setting
        self.validation_every = setting.every
        self.norm = nn.LayerNorm(width) if setting.layer_norm else nn.BatchNorm1d(width)
        layers = _block(num_fields * width, setting.hidden, setting.dropout)
        if setting.clipped_output:
            layers += _block(setting.hidden, num_fields, setting.dropout)
        else:
            layers.append(nn.Linear(setting.hidden, num_fields))
        self.controller = nn.Sequential(*layers)
        self.register_buffer("awake", torch.tensor(setting.pretrain_epochs == 0))

    def weights(self, e: Tensor) -> Tensor:
        if isinstance(self.norm, nn.LayerNorm):
            normal = self.norm(e)
        else:
            normal = self.norm(e.transpose(1, 2)).transpose(1, 2)
        weights = self.setting.chosen(torch.softmax(self.controller(normal.flatten(1)), dim=1))
        return torch.where(self.awake, weights, torch.ones_like(weights))

    def own_optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        return Adam(parameters, lr=self.setting.gate_learning_rate)

    def after_epoch(self, epoch: int) -> None:
        self.awake.fill_(epoch >= self.setting.pretrain_epochs)


def _block(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    linear = nn.Linear(inputs, outputs)
    return [linear, nn.BatchNorm1d(outputs), nn.ReLU(), nn.Dropout(dropout)]


@dataclass(frozen=True)
class AdaFS(Selector):
    """Weighs the fields of every row by a controller, whose mean weights are the scores.

    There is nothing to retrain: gate and network stay together and answer as they are. The order
    of the mean weights is no ranking that the method stands for, as a field that matters in few
    rows has a small mean.

    Args:
        training: of network and controller together.
        hidden: units of the controller.
        dropout: in the controller.
        every: 0 to train the controller on training batches, k to have it take a step on a
            validation batch after every k-th training step instead.
        gate_learning_rate: of Adam on the controller.
        pretrain_epochs: epochs in which all fields weigh one.
        layer_norm: normalise each vector by itself, not over the batch.
        clipped_output: pass the controller's answer through batch norm, ReLU and dropout, too,
            after which half of the fields share the smallest weight: a fault of the benchmark's
            code.
    """

    family: ClassVar[Family] = Family.GATE
    ranks: ClassVar[bool] = False
    paper: ClassVar[str] = "Lin et al., AdaFS, KDD 2022"

    training: ClickTraining = field(default_factory=ClickTraining)
    hidden: int = 16
    dropout: float = 0.2
    every: int = 0
    gate_learning_rate: float = 1e-3
    pretrain_epochs: int = 0
    layer_norm: bool = False
    clipped_output: bool = False

    def chosen(self, weights: Tensor) -> Tensor:
        """What becomes of a softmax over the fields, shape ``(B, F)``: nothing."""
        return weights

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            gate = AdaFSGate(table.num_fields, self.training.width, self)
        fitted = train_click(table, backbone, self.training, seed, gate=gate)
        scores = mean_weights(fitted.model, gate, table)
        return replace(one_score_each(table, scores), gate=gate, model=fitted)


@dataclass(frozen=True)
class AdaFSHard(AdaFS):
    """AdaFS that lets only the heaviest fields of each row through, as many in every row.

    Args:
        keep: share of the fields that are let through, one at least.
    """

    keep: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise UserError(f"AdaFSHard: wanted keep above 0 and up to 1, got {self.keep}")

    def chosen(self, weights: Tensor) -> Tensor:
        """The largest of a softmax over the fields, shape ``(B, F)``, and zeros."""
        return top_weights(weights, max(1, round(self.keep * weights.size(1))))


BENCHMARK = AdaFS(clipped_output=True)
"""As in the ERASE benchmark: soft, trained jointly, with a batch norm, a ReLU and dropout between
the controller and the softmax."""

ORIGINAL = AdaFS(every=4, layer_norm=True)
"""As in the paper: the controller learns from validation batches, vectors are normalised one by
one. The hard variant is `AdaFSHard` with the same settings."""
