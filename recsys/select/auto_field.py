"""AutoField: two logits a field, keep or drop, searched on validation batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from recsys.learn import ClickTraining, train_click
from recsys.models import Gate
from recsys.select.base import Family, Selection, Selector, one_score_each

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def gumbel_gate(logits: Tensor, temperature: float | Tensor, noise: Tensor) -> Tensor:
    r"""How far each field is kept in one draw, a relaxed Bernoulli variable.

    :math:`\mathrm{softmax}((\alpha + G)/\tau)_1` (Wang et al., WWW 2022, Eq. 7; after Jang et al.,
    ICLR 2017). Over draws of the noise its mean tends to ``softmax(logits)[:, 1]`` as the
    temperature falls.

    Args:
        logits: drop and keep, shape ``(F, 2)``.
        temperature: the lower, the nearer to 0 or 1.
        noise: draws of a standard Gumbel variable, shape ``(F, 2)``.

    Returns:
        Shape ``(F,)``, in 0..1.

    >>> logits = torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    >>> gumbel_gate(logits, 1.0, torch.zeros(2, 2))
    tensor([0.8808, 0.2689])
    >>> gumbel_gate(logits, 0.1, torch.zeros(2, 2))
    tensor([1.0000e+00, 4.5398e-05])
    """
    return torch.softmax((logits + noise) / temperature, dim=1)[:, 1]


class AutoFieldGate(Gate):
    """Multiplies each field's vector by a draw of its gate, one draw a batch.

    Outside of training there is nothing to explore: the gate is the chance that a field is kept,
    the same for every batch.

    Args:
        num_fields: ``F``.
        setting: the selector with the hyper-parameters.
    """

    temperature: Tensor
    """Of the draws, a scalar; falls with every training step."""

    def __init__(self, num_fields: int, setting: AutoField) -> None:
        super().__init__()
        self.setting = setting
        self.validation_every = setting.every
        self.logits = nn.Parameter(torch.zeros(num_fields, 2))
        self.register_buffer("temperature", torch.tensor(setting.temperature))

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        if self.training or self.setting.drawn_in_evaluation:
            noise = -torch.empty_like(self.logits).exponential_().log()
            gate = gumbel_gate(self.logits, self.temperature, noise)
        else:
            gate = torch.softmax(self.logits, dim=1)[:, 1]
        return e * gate[:, None]

    def own_optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        return Adam(parameters, lr=self.setting.gate_learning_rate)

    def after_step(self) -> None:
        self.temperature.sub_(self.setting.cooling).clamp_(min=self.setting.coldest)

    def scores(self) -> NDArray:
        """How much rather each field is kept than dropped, shape ``(F,)``."""
        keep = self.logits.detach().double().cpu()
        return (keep[:, 1] - keep[:, 0]).numpy()


@dataclass(frozen=True)
class AutoField(Selector):
    """Learns to keep or drop each field, weights on training and gates on validation batches.

    The gates descend by first order, as in DARTS: the network counts as constant. Published runs
    move a logit by some hundredths in a whole search, so that third decimals rank the fields and
    the next seed ranks them otherwise; here gates step oftener and further.

    Args:
        training: of network and gates together.
        every: training steps between two steps of the gates.
        gate_learning_rate: of Adam on the gates.
        temperature: of the draws at first.
        cooling: what every training step takes off the temperature.
        coldest: the temperature stays there.
        drawn_in_evaluation: draw gates when validating, too, which makes the AUC that stops the
            training noisy: a fault of the benchmark's code.
    """

    family: ClassVar[Family] = Family.GATE
    paper: ClassVar[str] = "Wang et al., AutoField, WWW 2022"

    training: ClickTraining = field(default_factory=ClickTraining)
    every: int = 2
    gate_learning_rate: float = 0.02
    temperature: float = 1.0
    cooling: float = 5e-5
    coldest: float = 0.01
    drawn_in_evaluation: bool = False

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        gate = AutoFieldGate(table.num_fields, self)
        fitted = train_click(table, backbone, self.training, seed, gate=gate)
        return replace(one_score_each(table, gate.scores()), gate=gate, model=fitted)


BENCHMARK = AutoField(every=10, gate_learning_rate=1e-3, drawn_in_evaluation=True)
"""As in the ERASE benchmark: a gate step in ten, at the network's rate, drawn when validating."""

ORIGINAL = AutoField(every=1, gate_learning_rate=1e-3)
"""As in the paper (Algorithm 1): steps of gates and weights take turns."""
