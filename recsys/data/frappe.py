"""Frappe: which app was used in which context. There are only clicks; the rest is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from graphforget.core.errors import UserError
from recsys.table import AtRandom, Column, CsvSource, Label, Schema, TableSource

FIELDS = (
    "user", "item", "daytime", "weekday", "isweekend", "homework", "cost", "weather", "country",
    "city",
)  # fmt: skip
NEGATIVES = 2
"""Drawn for each use, as is customary for this set."""

FRAPPE = Schema(
    tuple(map(Column, FIELDS)), Label("label"), AtRandom(seed=0, val=0.2, test=0.1), user="user"
)


def frappe(file: Path, seed: int = 0, negatives: int = NEGATIVES) -> TableSource:
    """Read the log and draw apps that were not used.

    Each use of an app is a click. It is followed by rows of the same user and context with other
    apps, uniformly out of those that the user never used. What belongs to the app, its cost, is
    that of the app drawn: otherwise free apps that cost something would give the draws away.

    Args:
        file: ``frappe.csv`` or ``frappe.csv.gz``, tab-separated with a header.
        seed: of the draw.
        negatives: how many are drawn for each use.

    Raises:
        UserError: a column is missing, or someone used every app.
    """
    batches = [chunk.batch for chunk in CsvSource((file,), "\t", quoted=False).chunks()]
    log = pa.Table.from_batches(batches) if batches else pa.table({})
    for name in FIELDS:
        if name not in log.column_names:
            have = ", ".join(log.column_names)
            raise UserError(f"{file}: column {name!r} is missing; it has {have}")
    log = log.select(FIELDS)
    user, users = _numbered(log["user"])
    item, apps = _numbered(log["item"])
    drawn = draw_unused(user, item, len(users), len(apps), negatives, seed)
    first = np.unique(item, return_index=True)[1]
    cost = log["cost"].combine_chunks().take(pa.array(first))  # of each app
    others = log.take(pa.array(np.repeat(np.arange(len(log)), negatives)))
    picked = pa.array(drawn.ravel())
    others = others.set_column(FIELDS.index("item"), "item", apps.take(picked))
    others = others.set_column(FIELDS.index("cost"), "cost", cost.take(picked))
    both = pa.concat_tables([log, others])
    order = np.argsort(
        np.concatenate([np.arange(len(log)), np.repeat(np.arange(len(log)), negatives)]),
        kind="stable",
    )
    label = np.repeat([1, 0], [len(log), len(others)])
    return TableSource(
        both.append_column("label", pa.array(label)).take(pa.array(order)), str(file)
    )


def draw_unused(
    user: np.ndarray, item: np.ndarray, users: int, items: int, count: int, seed: int
) -> np.ndarray:
    """Items that were never used by the user of each row, uniformly.

    Args:
        user: shape ``(R,)``, numbers below ``users``.
        item: shape ``(R,)``, numbers below ``items``.
        users: how many there are.
        items: how many there are.
        count: items to be drawn for each row.
        seed: the same seed gives the same items.

    Returns:
        Shape ``(R, count)``.

    Raises:
        UserError: someone used every item.

    >>> draw_unused(np.array([0, 0, 1]), np.array([0, 1, 2]), 2, 3, count=2, seed=0)[:2].tolist()
    [[2, 2], [2, 2]]
    """
    used = np.zeros((users, items), dtype=bool)
    used[user, item] = True
    if used.all(axis=1).any():
        raise UserError("negatives: a user has used every item, so none is left to be drawn")
    random = np.random.default_rng(seed)
    drawn = random.integers(items, size=(len(user), count))
    while (taken := used[user[:, None], drawn]).any():
        drawn[taken] = random.integers(items, size=int(taken.sum()))
    return drawn


def _numbered(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    coded = column.combine_chunks().dictionary_encode()
    return coded.indices.to_numpy(), coded.dictionary
