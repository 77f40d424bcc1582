"""Greedy forward selection on one network that has learned to do without any of its fields."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from graphforget._lightning import pl
from recsys.learn import ClickTraining, roc_auc, train_click
from recsys.models import Gate
from recsys.select.base import Family, Selection, Selector
from recsys.select.design import some_rows
from recsys.select.field_sets import FieldSet
from recsys.select.greedy_forward import greedy_order, selection_by_place
from recsys.select.single_field import SingleFieldAUC
from recsys.table import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.models import Backbone, ClickModel
    from recsys.table import ClickTable


def random_subsets(rows: int, num_fields: int) -> Tensor:
    """A set of fields for every row: its size is uniform in 1..F, then all sets are alike.

    Dropping each field on its own with probability one half would make nearly all sets half the
    fields; small sets, where the choice matters most, would hardly ever be learned.

    Args:
        rows: ``B``.
        num_fields: ``F``.

    Returns:
        Shape ``(B, F)``, bool, drawn from torch's generator.

    >>> _ = torch.manual_seed(0)
    >>> random_subsets(4000, 3).sum(1).bincount().div(4000).mul(10).round()
    tensor([0., 3., 3., 3.])
    """
    place = torch.rand(rows, num_fields).argsort(1).argsort(1)
    return place < torch.randint(1, num_fields + 1, (rows, 1))


class RandomFields(Gate):
    """Keeps a random subset of the fields of every training row; outside of training, all."""

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        if not self.training:
            return e
        return e * random_subsets(len(e), e.size(1)).to(e)[:, :, None]


class MaskedAUC:
    """AUC of a network, as it is now, that sees some fields and zeros in place of the others.

    Args:
        model: trained under `RandomFields`; copied as far as it is needed.
        table: with the fields of the model.
        rows: numbers of the rows that are answered, shape ``(R,)``.
        batch_size: rows answered at a time.
    """

    def __init__(
        self, model: ClickModel, table: ClickTable, rows: NDArray, batch_size: int
    ) -> None:
        self.backbone = deepcopy(model.backbone).eval()
        self.names = [one.name for one in table.fields]
        self.label = np.asarray(table.label[rows])
        with torch.inference_mode():
            self.e = [
                model.embedding(table.take(rows[start : start + batch_size]))
                for start in range(0, len(rows), batch_size)
            ]

    def __call__(self, sets: Sequence[FieldSet]) -> list[float]:
        """The AUC of each set of fields."""
        return [self._one(names) for names in sets]

    def _one(self, names: FieldSet) -> float:
        mask = torch.tensor([float(name in names) for name in self.names])[:, None]
        with torch.inference_mode():
            logit = torch.cat([self.backbone(e * mask) for e in self.e])
        return roc_auc(self.label, logit.numpy())


class LastEpochs(pl.Callback):
    """Keeps what the network was at the end of its last epochs.

    Args:
        epochs: at most so many.
        table, rows, batch_size: as `MaskedAUC` takes them.
    """

    def __init__(self, epochs: int, table: ClickTable, rows: NDArray, batch_size: int) -> None:
        self.asked = table, rows, batch_size
        self.kept: deque[MaskedAUC] = deque(maxlen=epochs)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Keep the epoch that was just validated."""
        self.kept.append(MaskedAUC(module.model, *self.asked))

    def __call__(self, sets: Sequence[FieldSet]) -> list[float]:
        """The mean AUC of each set of fields over the epochs."""
        return np.mean([auc(sets) for auc in self.kept], axis=0).tolist()


@dataclass(frozen=True)
class MaskedGreedy(Selector):
    """Greedy forward selection in which masks on one network stand in for trainings.

    Ours; after the weight sharing of one-shot architecture search (Bender et al., ICML 2018). One
    network is trained while every row shows it a random subset of the fields, so that it answers
    for any subset much as a network of that subset would. Then the fields are added one by one,
    always the one with the highest validation AUC: ``F (F + 1) / 2`` passes over validation rows
    in place of as many trainings.

    The AUC is the mean over the epochs from the best to that in which training stopped. At its
    best the network has not yet learned by heart what its fields of many values say, and does not
    show which of them will do harm to the networks that are trained on the chosen fields.

    Args:
        training: of the one network.
        max_rows: at most so many validation rows, drawn at random; None takes all.
    """

    family: ClassVar[Family] = Family.WRAPPER
    paper: ClassVar[str] = "ours"

    training: ClickTraining = field(default_factory=ClickTraining)
    max_rows: int | None = 20_000

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        rows = some_rows(table.rows(Part.VAL), self.max_rows, seed)
        names, training = SingleFieldAUC().search(table, backbone, seed).ranking, self.training
        epochs = LastEpochs(training.patience + 1, table, rows, training.batch_size)
        gate = RandomFields()
        fitted = train_click(table, backbone, training, seed, gate=gate, callbacks=[epochs])
        found = selection_by_place(table, greedy_order(names, epochs))
        return replace(found, gate=gate, model=fitted)
