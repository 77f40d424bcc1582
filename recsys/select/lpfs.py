"""LPFS++: a smooth stand-in for "is it there at all", with a proximal step to exact zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from recsys.learn import ClickTraining, train_click
from recsys.models import Gate
from recsys.select.base import Family, Selection, Selector, one_score_each

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def smooth_presence(x: Tensor, epsilon: float | Tensor, alpha: float) -> Tensor:
    r"""The polarised gate of LPFS++.

    :math:`g(x) = \mathrm{sign}(x)\,x^2/(x^2+\epsilon) + \alpha\sqrt\epsilon\,\arctan x` (Guo et
    al., arXiv:2206.00267). As epsilon falls the first term tends to the sign of x, and the second,
    which keeps the slope at 0 alive so that a dropped field may come back, vanishes.

    Args:
        x: shape ``(F,)``.
        epsilon: positive.
        alpha: weight of the second term.

    >>> x = torch.tensor([-1.0, 0.0, 0.1, 1.0])
    >>> smooth_presence(x, 0.1, 0.0)
    tensor([-0.9091,  0.0000,  0.0909,  0.9091])
    >>> smooth_presence(x, 1e-8, 10.0)
    tensor([-1.0008,  0.0000,  1.0001,  1.0008])
    """
    square = x.square()
    return x.sign() * square / (square + epsilon) + alpha * epsilon**0.5 * x.atan()


def soft_threshold(x: Tensor, threshold: float) -> Tensor:
    """The proximal step of an L1 penalty: towards zero by the threshold, and no further.

    Args:
        x: any shape.
        threshold: not negative.

    >>> soft_threshold(torch.tensor([0.5, 0.1, -0.3]), 0.2)
    tensor([ 0.3000,  0.0000, -0.1000])
    """
    return x.sign() * (x.abs() - threshold).clamp(min=0)


class LPFSGate(Gate):
    """Multiplies each field's vector by its smooth presence.

    Args:
        num_fields: ``F``.
        setting: the selector with the hyper-parameters.
    """

    epsilon: Tensor
    """Of `smooth_presence`, a scalar; falls as training goes on."""
    steps: Tensor
    """Training steps taken, a scalar."""
    last_alive: Tensor
    """The step at which each field was last not zero, shape ``(F,)``."""

    def __init__(self, num_fields: int, setting: LPFS) -> None:
        super().__init__()
        self.setting = setting
        self.validation_every = setting.every
        self.x = nn.Parameter(torch.ones(num_fields))
        self.register_buffer("epsilon", torch.tensor(setting.epsilon))
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("last_alive", torch.zeros(num_fields, dtype=torch.long))

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        return e * smooth_presence(self.x, self.epsilon, self.setting.alpha)[:, None]

    def own_optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        rate = self.setting.gate_learning_rate
        return Adam(parameters, lr=rate) if self.setting.adam else SGD(parameters, lr=rate)

    @torch.no_grad()
    def after_step(self) -> None:
        setting = self.setting
        self.x.copy_(soft_threshold(self.x, setting.threshold * setting.gate_learning_rate))
        self.steps += 1
        self.last_alive[self.x != 0] = self.steps
        if self.steps % setting.decay_every == 0:
            self.epsilon *= setting.decay

    def scores(self) -> NDArray:
        """Shape ``(F,)``: the size of x; below zero for dropped fields, lowest what fell first."""
        lived = self.last_alive.double() / self.steps.clamp(min=1)
        return torch.where(self.x != 0, self.x.detach().abs().double(), lived - 1).cpu().numpy()


@dataclass(frozen=True)
class LPFS(Selector):
    """Learns a gate that is pulled to zero in every step and held up by the loss alone.

    A field's sign means nothing: the embedding can turn it round. Fields are ranked by size, and
    among the dropped, the later a field fell the higher it stands.

    Args:
        training: of network and gates together.
        every: 0 to train the gates on training batches, as published, where a field that tells
            rows apart looks the better the longer the training; k to have them take a step on a
            validation batch after every k-th training step instead.
        gate_learning_rate: of the gates.
        adam: let Adam move the gates before the proximal step: by the learning rate, however
            small the gradient, so that the threshold cannot be weighed against it.
        threshold: the pull to zero, as a multiple of the gates' learning rate.
        alpha: weight of the term that lets dropped fields return.
        epsilon: where the smoothing starts.
        decay: factor on epsilon.
        decay_every: training steps between two such factors.
    """

    family: ClassVar[Family] = Family.GATE
    paper: ClassVar[str] = "Guo et al., LPFS, arXiv:2206.00267, 2022"

    training: ClickTraining = field(default_factory=ClickTraining)
    every: int = 1
    gate_learning_rate: float = 0.5
    adam: bool = False
    threshold: float = 0.01
    alpha: float = 10.0
    epsilon: float = 0.1
    decay: float = 0.9978
    decay_every: int = 100

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        gate = LPFSGate(table.num_fields, self)
        fitted = train_click(table, backbone, self.training, seed, gate=gate)
        return replace(one_score_each(table, gate.scores()), gate=gate, model=fitted)


BENCHMARK = LPFS(every=0, gate_learning_rate=1e-3, adam=True)
"""As in the ERASE benchmark, flaw included: Adam moves a hundred times further in a step than the
threshold pulls back, so that no field is ever dropped."""

ORIGINAL = LPFS(every=0, alpha=100.0, threshold=0.04)
"""As in the paper's own code: plain descent with a threshold of 2 * 0.02, and ten times the alpha.
The gates' learning rate there is not known."""
