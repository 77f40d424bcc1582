"""Permutation importance of the click model itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.learn import ClickTraining, roc_auc, train_click
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.design import some_rows
from recsys.table import Part

if TYPE_CHECKING:
    from recsys.models import Backbone, ClickModel
    from recsys.table import ClickTable


def shuffled_auc(
    model: ClickModel, table: ClickTable, rows: NDArray, place: int, order: NDArray, batch_size: int
) -> float:
    """AUC when one field's values are those of other rows.

    Args:
        model: a trained model of the table's fields, in eval mode.
        table: the table.
        rows: numbers of the rows that are answered, shape ``(R,)``.
        place: which field.
        order: the rows that lend their value of the field, shape ``(R,)``.
        batch_size: rows answered at a time.
    """
    lent, one = table.fields[place], table.only([table.fields[place].name])
    start = sum(other.width for other in table.fields[:place])
    answers = []
    with torch.inference_mode():
        for begin in range(0, len(rows), batch_size):
            ids = table.take(rows[begin : begin + batch_size])
            ids[:, start : start + lent.width] = one.take(order[begin : begin + batch_size])
            answers.append(model(ids).numpy())
    return roc_auc(np.asarray(table.label[rows]), np.concatenate(answers))


@dataclass(frozen=True)
class PermutationOnModel(Selector):
    """The validation AUC that the trained network loses when a field's values are shuffled.

    Args:
        training: of the network on all fields.
        repeats: shuffles of each field.
        max_rows: at most so many validation rows, drawn at random; None takes all.
    """

    family: ClassVar[Family] = Family.SENSITIVITY
    paper: ClassVar[str] = "Fisher, Rudin and Dominici, JMLR 20(177), 2019"

    training: ClickTraining = field(default_factory=ClickTraining)
    repeats: int = 5
    max_rows: int | None = 200_000

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        fitted = train_click(table, backbone, self.training, seed)
        rows = some_rows(table.rows(Part.VAL), self.max_rows, seed)
        draw, size = np.random.default_rng(seed), self.training.batch_size
        whole = shuffled_auc(fitted.model, table, rows, 0, rows, size)
        left = [
            [
                shuffled_auc(fitted.model, table, rows, place, draw.permutation(rows), size)
                for _ in range(self.repeats)
            ]
            for place in range(table.num_fields)
        ]
        return replace(one_score_each(table, whole - np.mean(left, axis=1)), model=fitted)
