"""Asking a click model: logits, probabilities and scores of a table's rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from graphforget.core.errors import UserError
from graphforget.learn.aside import aside
from recsys.learn.click_scores import ClickScores, score
from recsys.models import ClickModel, check_ids
from recsys.table import ClickTable, Part

ROWS = 8192
"""Rows answered at a time: pairs of 39 fields take 380 MB at this number."""


def logits(
    model: ClickModel, table: ClickTable, rows: Any, batch_size: int = ROWS
) -> NDArray[np.float32]:
    """Logits of some rows, shape ``(R,)``; modes and generators are left as they were.

    Args:
        model: in whatever mode; it answers in eval mode, on the device it is on.
        table: with the fields that the model was trained on, in their order.
        rows: numbers of the rows, shape ``(R,)``.
        batch_size: rows answered at a time.

    Raises:
        UserError: if the table has other fields, or ids that a field does not have.
    """
    check_fields(model, table)
    rows, device = np.asarray(rows, np.int64), model.embedding.weight.device
    found = np.empty(len(rows), np.float32)
    with aside(model), torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            ids = table.take(rows[start : start + batch_size])
            check_ids(table.fields, ids)
            found[start : start + batch_size] = model(ids.to(device)).float().cpu().numpy()
    return found


def predict(
    model: ClickModel, table: ClickTable, rows: Any, batch_size: int = ROWS
) -> NDArray[np.float64]:
    """Probabilities of a click, shape ``(R,)``.

    Args:
        model: in whatever mode; it answers in eval mode.
        table: with the fields that the model was trained on, in their order.
        rows: numbers of the rows, shape ``(R,)``.
        batch_size: rows answered at a time.

    Raises:
        UserError: if the table has other fields, ids that a field does not have, or the model
            answers with NaN.
    """
    found = logits(model, table, rows, batch_size)
    if np.isnan(found).any():
        raise UserError(
            "predict: the model answers with NaN: its training diverged; train it again with a "
            "lower learning rate"
        )
    return expit(found.astype(np.float64))


def evaluate(
    model: ClickModel, table: ClickTable, part: Part, batch_size: int = ROWS
) -> ClickScores:
    """AUC, logloss and AUC per user on a part of a table.

    Args:
        model: in whatever mode; it answers in eval mode.
        table: with the fields that the model was trained on, in their order.
        part: which rows.
        batch_size: rows answered at a time.

    Raises:
        UserError: if the part is empty or has one label only, or the model cannot answer.
    """
    rows = table.rows(part)
    if len(rows) == 0:
        raise UserError(
            f"table {table.name!r}: its {part.name.lower()} part is empty; split it so that "
            "there is one"
        )
    users = None if table.users is None else np.asarray(table.users[rows])
    return score(np.asarray(table.label[rows]), logits(model, table, rows, batch_size), users)


def check_fields(model: ClickModel, table: ClickTable) -> None:
    """Refuse a table whose fields are not those of the model.

    Raises:
        UserError: naming what differs.
    """
    ours, theirs = model.embedding.fields, table.fields
    if ours == theirs:
        return
    names, there = ([field.name for field in fields] for fields in (ours, theirs))
    if names != there:
        raise UserError(
            f"table {table.name!r}: wanted the fields {', '.join(names)}, in that order, got "
            f"{', '.join(there)}; take table.only(names)"
        )
    one, other = next(pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1])
    raise UserError(
        f"table {table.name!r}: the model knows {one}, the table has {other}; build it with the "
        "vocabulary that the model was trained with"
    )
