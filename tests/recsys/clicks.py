"""A click log small enough to think about: 400 rows of 20 users and 12 items, labels by both."""

from __future__ import annotations

import numpy as np

from recsys.click_log import ClickLog
from recsys.table import ClickTable


def small_table(rows: int = 400, seed: int = 0) -> ClickTable:
    """Users and items of two kinds: a user clicks items of his kind, mostly."""
    draw = np.random.default_rng(seed)
    user, item = draw.integers(20, size=rows), draw.integers(1, 13, size=rows)
    user[0], item[0] = 3, 1
    tags = draw.integers(4, size=(rows, 2))
    label = (user % 2 == item % 2) ^ (draw.random(rows) < 0.1)
    part = np.where(np.arange(rows) % 10 < 7, 0, np.where(np.arange(rows) % 10 < 8, 1, 2))
    columns = {"user_id": user + 1, "item_id": item, "tags": tags}
    return ClickTable.from_arrays("small", columns, label.astype(int), part, users=user)


def small_clicks(seed: int = 0) -> ClickLog:
    return ClickLog.of(small_table(seed=seed))
