"""One cell of the board: a backbone trained from scratch on some fields of a table."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphforget.core.config import to_config
from graphforget.core.errors import UserError
from recsys.board.bootstrap import Bootstrap, drawn_auc
from recsys.learn import ClickTraining, FittedClick, evaluate, logits, train_click
from recsys.learn.click_scores import score
from recsys.models import Backbone
from recsys.table import ClickTable, Part


@dataclass(frozen=True)
class Cell:
    """What is trained. Equal sets of fields are equal cells, whatever ranking they are from.

    Args:
        fields: names in the table's order; `Cell.of` puts them there.
        backbone: the network.
        training: how it is trained.
        seed: of the training.
    """

    fields: tuple[str, ...]
    backbone: Backbone
    training: ClickTraining
    seed: int

    @classmethod
    def of(
        cls, table: ClickTable, fields: Iterable[str], backbone: Backbone,
        training: ClickTraining, seed: int,
    ) -> Cell:
        """The cell of a set of fields.

        Raises:
            UserError: if the table has no such field.
        """
        chosen = set(fields)
        there = tuple(field.name for field in table.fields)
        if unknown := sorted(chosen - set(there)):
            raise UserError(
                f"table {table.name}: has no field {unknown[0]!r}; its fields: {', '.join(there)}"
            )
        return cls(tuple(name for name in there if name in chosen), backbone, training, seed)

    @property
    def config(self) -> dict[str, Any]:
        """What a record says of it."""
        return {
            "fields": list(self.fields),
            "backbone": to_config(self.backbone),
            "training": to_config(self.training),
        }


@dataclass(frozen=True, eq=False)
class CellScores:
    """What came of a cell.

    Args:
        val_auc, val_logloss: on validation, by which a number of fields may be chosen.
        auc, logloss, gauc: on test; ``gauc`` is NaN where the table has no users.
        seconds: of the training.
        inference_seconds: of answering all test rows.
        epoch: the one whose weights were kept.
        drawn: AUC on bootstrap draws of the test rows, shape ``(draws,)``.
    """

    val_auc: float
    val_logloss: float
    auc: float
    logloss: float
    gauc: float
    seconds: float
    inference_seconds: float
    epoch: int
    drawn: NDArray[np.float64]

    def metrics(self) -> dict[str, float]:
        """The numbers by name, without the draws."""
        return {name: float(value) for name, value in vars(self).items() if name != "drawn"}


def retrained(cell: Cell, table: ClickTable, bootstrap: Bootstrap) -> CellScores:
    """Train a cell and score it; only training and validation rows decide which weights are kept.

    Args:
        cell: what to train.
        table: with all of its fields; columns of others are not read.
        bootstrap: draws of test rows.
    """
    some = table.only(cell.fields)
    fitted = train_click(some, cell.backbone, cell.training, cell.seed)
    return scored(fitted, some, bootstrap)


def scored(fitted: FittedClick, table: ClickTable, bootstrap: Bootstrap) -> CellScores:
    """Score a model on validation and test.

    Args:
        fitted: a model that answers rows of the table.
        table: with the fields that the model was trained on.
        bootstrap: draws of test rows.
    """
    val = evaluate(fitted.model, table, Part.VAL)
    rows = table.rows(Part.TEST)
    begin = time.perf_counter()
    answers = logits(fitted.model, table, rows)
    inference = time.perf_counter() - begin
    label = np.asarray(table.label[rows])
    test = score(label, answers, None if table.users is None else np.asarray(table.users[rows]))
    return CellScores(
        val_auc=val.auc,
        val_logloss=val.logloss,
        auc=test.auc,
        logloss=test.logloss,
        gauc=float("nan") if test.gauc is None else test.gauc,
        seconds=fitted.seconds,
        inference_seconds=inference,
        epoch=fitted.best_epoch,
        drawn=drawn_auc(label, answers, bootstrap),
    )
