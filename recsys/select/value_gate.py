"""Gates on single values: the ones that OptFS learns, and what becomes of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from recsys.models import Gate
from recsys.table import Field

if TYPE_CHECKING:
    from recsys.select.opt_fs import OptFS

START = 0.5
"""Where every value's mask starts: the gate is 1 there at temperature 1."""


def value_gate(mask: Tensor, temperature: float | Tensor) -> Tensor:
    r"""The gate of a value: :math:`\sigma(t m) / \sigma(m_0)` (Lyu et al., WWW 2023).

    Args:
        mask: any shape.
        temperature: rises; the higher, the nearer the gate is to its two ends.

    >>> value_gate(torch.tensor([-0.5, 0.5]), 1.0)
    tensor([0.6065, 1.0000])
    >>> value_gate(torch.tensor([-0.5, 0.5]), 2000.0)
    tensor([0.0000, 1.6065])
    """
    return torch.sigmoid(temperature * mask) / (1 / (1 + math.exp(-START)))


def temperature(progress: float, final: float, stairs: int) -> float:
    """The temperature after a share of the search, on stairs from 1 to the final one.

    Args:
        progress: 0..1.
        final: temperature of the last stair.
        stairs: 2 or more, all equally long.

    >>> [round(temperature(p, 2000.0, 5), 1) for p in (0.0, 0.19, 0.2, 0.5, 0.99, 1.0)]
    [1.0, 1.0, 6.7, 44.7, 2000.0, 2000.0]
    """
    return final ** (min(math.floor(progress * stairs), stairs - 1) / (stairs - 1))


class MaskStep(ABC):
    """How the masks are moved and what keeping a value costs. Subclasses are frozen dataclasses."""

    sparse: ClassVar[bool]
    """Whether a batch gives gradients of the values that it holds, and of no others."""

    learning_rate: float
    penalty: float

    @abstractmethod
    def optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        """A fresh optimiser of the masks."""

    @abstractmethod
    def loss(self, gate: OptFSGate) -> Tensor | None:
        """What keeping the values adds to the loss."""

    @abstractmethod
    def after(self, gate: OptFSGate) -> None:
        """Called after every training step."""


@dataclass(frozen=True)
class RarityStep(MaskStep):
    """Plain descent, in steps that are the longer the rarer the value; costs what a batch holds.

    By rarity, a value's mask moves with the mean slope over the rows that hold it, be they many or
    few: the minimum is the same, all values get there in the same time, and an unseen value stays.
    The penalty is taken every so many steps, with that weight.

    Args:
        learning_rate: of the masks.
        penalty: what keeping all values costs; each value pays the same, so that one which
            occurs in ``q`` of the rows must lower the loss of those by ``penalty / (q N)``.
        every: steps from one time the penalty is taken to the next.
    """

    sparse: ClassVar[bool] = True

    learning_rate: float = 1.0
    penalty: float = 0.2
    every: int = 10

    def optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        return SGD(parameters, lr=self.learning_rate)

    def loss(self, gate: OptFSGate) -> Tensor | None:
        return None

    @torch.no_grad()
    def after(self, gate: OptFSGate) -> None:
        if int(gate.steps) % self.every:
            return
        opened = torch.sigmoid(gate.temperature * gate.mask)
        slope = gate.temperature * opened * (1 - opened) * gate.rarity[:, None]
        weight = self.learning_rate * self.every * self.penalty / int(gate.seen.sum())
        # No further than to the far side of zero: there the slope is the other way round.
        gate.mask.sub_((weight * slope).clamp(max=2 * START))


@dataclass(frozen=True)
class AdamStep(MaskStep):
    """Adam on all masks and a penalty on all of them in every step, as published.

    Adam moves a mask by the learning rate at most, whatever the penalty, so that it takes
    ``0.5 / learning_rate`` steps to drop a value, and the annealing freezes what has not moved
    until then: a short search prunes nothing. A step costs what the table holds.

    Args:
        learning_rate: of the masks.
        penalty: what keeping one value costs. Published, by data set: Criteo and Ali-CCP 1e-8,
            Avazu 4e-9, MovieLens-1M 1e-4.
    """

    sparse: ClassVar[bool] = False

    learning_rate: float = 1e-3
    penalty: float = 1e-8

    def optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        return Adam(parameters, lr=self.learning_rate, fused=True)

    def loss(self, gate: OptFSGate) -> Tensor:
        return self.penalty * torch.sigmoid(gate.temperature * gate.mask).sum()

    def after(self, gate: OptFSGate) -> None:
        pass


class ValueGate(Gate):
    """Multiplies each field's vector by the gate of its value, or the mean of a field's values.

    Args:
        fields: of the table.
    """

    offsets: Tensor
    """Where each column's field begins among the values, shape ``(C,)``."""

    def __init__(self, fields: Sequence[Field]) -> None:
        super().__init__()
        starts = np.cumsum([0, *(each.size for each in fields)])[:-1]
        widths = torch.tensor([each.width for each in fields])
        column = torch.as_tensor(starts).repeat_interleave(widths)
        self.register_buffer("offsets", column, persistent=False)
        self._widths, self._sizes = widths.tolist(), [each.size for each in fields]

    def per_field(self, of_columns: Tensor, ids: Tensor) -> Tensor:
        """Shape ``(B, F)`` from ``(B, C)``: means over a field's values that are not padding."""
        if max(self._widths) == 1:
            return of_columns
        parts = zip(of_columns.split(self._widths, 1), ids.split(self._widths, 1), strict=True)
        means = []
        for gate, value in parts:
            real = (value != 0).to(gate.dtype)
            real[:, 0] = torch.where(real.sum(1) == 0, 1.0, real[:, 0])  # nothing but padding
            means.append((gate * real).sum(1) / real.sum(1))
        return torch.stack(means, dim=1)


class OptFSGate(ValueGate):
    """Gates that are being learned.

    Args:
        fields: of the table.
        occurrences: of each value in the training rows, shape ``(N,)``.
        rows: number of training rows.
        setting: the selector with the hyper-parameters.
        total_steps: length of the search.
    """

    rarity: Tensor
    """Training rows for each row that holds the value, shape ``(N,)``; 0 for unseen values."""
    seen: Tensor
    """Whether a value occurs in the training rows, shape ``(N,)``."""
    temperature: Tensor
    """Of the gates, a scalar."""
    steps: Tensor
    """Training steps taken, a scalar."""

    def __init__(
        self,
        fields: Sequence[Field],
        occurrences: NDArray[np.int64],
        rows: int,
        setting: OptFS,
        total_steps: int,
    ) -> None:
        super().__init__(fields)
        self.setting, self.total_steps = setting, total_steps
        self.mask = nn.Parameter(torch.full((len(occurrences), 1), START))
        count = torch.as_tensor(occurrences)
        self.register_buffer("seen", count > 0)
        rarity = torch.where(count > 0, rows / count.clamp(min=1), 0.0)
        self.register_buffer("rarity", rarity.float())
        self.register_buffer("temperature", torch.tensor(1.0))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        place = ids + self.offsets
        if self.setting.step.sparse:
            mask = F.embedding(place, self.mask, sparse=True).squeeze(2)
            # The value is the mask's, the gradient that times the rarity.
            mask = mask.detach() + self.rarity[place] * (mask - mask.detach())
        else:
            mask = F.embedding(place, self.mask).squeeze(2)
        return e * self.per_field(value_gate(mask, self.temperature), ids)[:, :, None]

    def penalty(self) -> Tensor | None:
        return self.setting.step.loss(self)

    def own_optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer:
        return self.setting.step.optimizer(parameters)

    def after_step(self) -> None:
        self.steps += 1
        self.setting.step.after(self)
        progress = min(1.0, int(self.steps) / self.total_steps)
        self.temperature.fill_(temperature(progress, self.setting.final, self.setting.stairs))


class ValueMask(ValueGate):
    """The values that were kept, for good.

    Args:
        fields: of the table.
        kept: shape ``(N,)``, the fields one after the other.
    """

    kept: Tensor
    """Shape ``(N,)`` bool."""

    def __init__(self, fields: Sequence[Field], kept: Tensor) -> None:
        super().__init__(fields)
        self.register_buffer("kept", kept.clone())

    def kept_shares(self) -> list[float]:
        """The share of each field's values, row 0 and unseen ones included, that was kept."""
        return [float(kept.float().mean()) for kept in self.kept.split(self._sizes)]

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        kept = self.kept[ids + self.offsets].to(e.dtype)
        return e * self.per_field(kept, ids)[:, :, None]
