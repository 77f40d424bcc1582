"""OptFS: a gate on every value of every field, annealed to keep or drop, then a fresh start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from recsys.learn import ClickTraining, FittedClick
from recsys.learn.click_training import fit_click
from recsys.models import ClickModel
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.value_gate import AdamStep, MaskStep, OptFSGate, RarityStep, ValueMask
from recsys.table import ClickTable, Field, Part

if TYPE_CHECKING:
    from recsys.models import Backbone


def occurrences(table: ClickTable, rows: NDArray) -> NDArray[np.int64]:
    """How many times each value occurs in some rows, the fields one after the other, ``(N,)``."""
    return np.concatenate(
        [
            np.bincount(np.asarray(column[rows]).reshape(-1), minlength=each.size)
            for each, column in zip(table.fields, table.columns, strict=True)
        ]
    )


class _AtEpoch(pl.Callback):
    """Copies the embedding at the end of an epoch, and the masks at the end of all."""

    def __init__(self, rewind: int) -> None:
        self.rewind = rewind
        self.embedding: Tensor | None = None
        self.mask: Tensor | None = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        if self.rewind == 0:
            self.embedding = pl_module.model.embedding.weight.detach().clone()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch + 1 == self.rewind:
            self.embedding = pl_module.model.embedding.weight.detach().clone()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self.mask = pl_module.model.gate.mask.detach().squeeze(1).clone()


@dataclass(frozen=True)
class OptFS(Selector):
    """Learns which values of which fields are worth a row of the embedding.

    The search ends with a mask over values. The network that answers starts again from the
    embedding as it was early in the search, with the dropped values at zero. A field's score is
    how far its masks stand above zero, on average over the training rows; `ValueMask.kept_shares`
    tells which share of its values was kept.

    Args:
        training: of the network behind the mask; the search has its rates and batches, and takes
            no more epochs than it allows.
        step: how masks move, and what a value costs.
        final: temperature that the search ends with.
        stairs: number of temperatures; the first is 1.
        epochs: the search takes so many epochs at least,
        steps: and at least so many steps: masks need steps to fall, not epochs.
        rewind: the epoch of the search, counted from 1, after which the embedding is kept to start
            again from; 0 for fresh weights.
        resume: go on from the whole searched network, not from the rewound embedding, as the
            benchmark does.
    """

    family: ClassVar[Family] = Family.GATE
    paper: ClassVar[str] = "Lyu et al., OptFS, WWW 2023"

    training: ClickTraining = field(default_factory=ClickTraining)
    step: MaskStep = field(default_factory=RarityStep)
    final: float = 2000.0
    stairs: int = 5
    epochs: int = 5
    steps: int = 600
    rewind: int = 1
    resume: bool = False

    def __post_init__(self) -> None:
        if self.stairs < 2 or self.epochs < 1 or self.final < 1 or self.rewind < 0:
            raise UserError(
                "OptFS: wanted 2 stairs, 1 epoch and a final temperature of 1 or more, and a "
                f"rewind of 0 or more, got {self.stairs}, {self.epochs}, {self.final} and "
                f"{self.rewind}"
            )

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        rows = table.rows(Part.TRAIN)
        an_epoch = max(1, math.ceil(len(rows) / self.training.batch_size))
        epochs = max(self.epochs, math.ceil(self.steps / an_epoch))
        epochs = max(min(epochs, self.training.epochs), self.rewind)
        training = replace(self.training, epochs=epochs, patience=epochs)
        times = occurrences(table, rows)
        gate = OptFSGate(table.fields, times, len(rows), self, epochs * an_epoch)
        marks = _AtEpoch(self.rewind)
        model = ClickModel.of(table.fields, backbone, training.width, seed, gate)
        fit_click(model, table, training, seed, [marks])
        assert marks.mask is not None and marks.embedding is not None
        kept = (marks.mask > 0) & gate.seen
        fitted = self.again(table, backbone, seed, kept, model, marks.embedding)
        scores = mean_heights(table.fields, marks.mask.cpu().double().numpy(), times)
        return replace(one_score_each(table, scores), gate=fitted.model.gate, model=fitted)

    def again(
        self,
        table: ClickTable,
        backbone: Backbone,
        seed: int,
        kept: Tensor,
        searched: ClickModel,
        rewound: Tensor,
    ) -> FittedClick:
        """Train the network that answers, with the dropped values at zero.

        Args:
            table: as in `search`.
            backbone: as in `search`.
            seed: as in `search`.
            kept: which values, shape ``(N,)``.
            searched: the network at the end of the search.
            rewound: weight of the embedding that was kept, shape ``(N, d)``.
        """
        mask = ValueMask(table.fields, kept)
        model = ClickModel.of(table.fields, backbone, self.training.width, seed, mask)
        with torch.no_grad():
            model.embedding.weight.copy_(searched.embedding.weight if self.resume else rewound)
        if self.resume:
            model.backbone.load_state_dict(searched.backbone.state_dict())
        return fit_click(model, table, self.training, seed)


def mean_heights(
    fields: Sequence[Field], mask: NDArray, occurrences: NDArray
) -> NDArray[np.float64]:
    """How far above zero the masks of a field's values stand, on average over rows, ``(F,)``.

    A row with a dropped value counts zero, a mask above 1 counts one. The mere share of kept values
    puts fields of few values first, whose rows of the embedding cost next to nothing.

    Args:
        fields: ``F`` of them.
        mask: of their values at the end of the search, shape ``(N,)``, one field after the other.
        occurrences: how often each value was seen, shape ``(N,)``.

    >>> fields = [Field("a", 3), Field("b", 2)]
    >>> mean_heights(fields, np.array([9.0, 0.5, -7.0, 0.5, 1.0]), np.array([0, 5, 5, 1, 3]))
    array([0.25 , 0.875])
    """
    parts = np.cumsum([each.size for each in fields])[:-1]
    heights = np.split(np.clip(mask, 0, 1) * occurrences, parts)
    seen = np.split(occurrences, parts)
    return np.array([h.sum() / max(1, t.sum()) for h, t in zip(heights, seen, strict=True)])


BENCHMARK = OptFS(step=AdamStep(), steps=1, resume=True)
"""As in the ERASE benchmark: five epochs however short, after which the search goes on behind the
mask. Below some millions of rows it prunes nothing. Its final temperature is 5000 on Avazu."""

ORIGINAL = OptFS(
    training=ClickTraining(width=16, learning_rate=3e-4), step=AdamStep(learning_rate=3e-4), steps=1
)
"""As in the paper: wider, slower, and from the embedding of an early epoch."""
