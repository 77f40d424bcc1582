"""Paired bootstrap over test rows: the same draws of rows for every model, so that models pair.

A model leaves its AUC on each draw; the draws are the same for all models of a table, so any
difference or AUKC of them is arithmetic on vectors, whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError

CELLS = 4_000_000
"""Counts held at a time: draws are made in chunks of about this many numbers."""


@dataclass(frozen=True)
class Bootstrap:
    """Draws of as many rows as there are, with replacement.

    Args:
        draws: how many; an interval needs some hundreds.
        seed: of the draws; tables of the same length share them.

    Raises:
        UserError: if there are fewer than two draws.
    """

    draws: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < 2:
            raise UserError(f"bootstrap: wanted at least 2 draws, got {self.draws}")

    def counts(self, rows: int) -> Iterator[NDArray[np.float64]]:
        """How often each row is drawn, in chunks of draws, each of shape ``(b, rows)``."""
        generator = np.random.default_rng(self.seed)
        chunk = max(1, CELLS // max(rows, 1))
        for start in range(0, self.draws, chunk):
            size = min(chunk, self.draws - start)
            yield np.stack([
                np.bincount(generator.integers(rows, size=rows), minlength=rows)
                for _ in range(size)
            ]).astype(np.float64)


def drawn_auc(
    label: NDArray, score: NDArray, bootstrap: Bootstrap = Bootstrap()
) -> NDArray[np.float64]:
    """AUC on every draw of rows, ties counted half.

    Args:
        label: 0 or 1, shape ``(R,)``.
        score: of the model, shape ``(R,)``.
        bootstrap: the draws.

    Returns:
        Shape ``(draws,)``; NaN where a draw has one class only.

    >>> label, score = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.2, 0.8])
    >>> np.nanmin(drawn_auc(label, score, Bootstrap(draws=20)))
    np.float64(1.0)
    """
    order = np.argsort(score, kind="stable")
    ascending = np.asarray(score)[order]
    starts = np.flatnonzero(np.r_[True, ascending[1:] != ascending[:-1]])  # of groups of ties
    positive = np.asarray(label)[order] > 0
    found = [_auc(count[:, order], positive, starts) for count in bootstrap.counts(len(order))]
    return np.concatenate(found)


def _auc(count: NDArray, positive: NDArray, starts: NDArray) -> NDArray:
    """Weighted AUC of rows in ascending order of their score, shape ``(b,)``."""
    wins = np.add.reduceat(count * positive, starts, axis=1)
    losses = np.add.reduceat(count * ~positive, starts, axis=1)
    below = np.cumsum(losses, axis=1) - losses / 2
    pairs = wins.sum(axis=1) * losses.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (wins * below).sum(axis=1) / pairs, np.nan)


def interval(values: NDArray, level: float = 0.95) -> tuple[float, float]:
    """The middle part of draws (percentile interval); draws that are not numbers are left out.

    >>> interval(np.arange(101.0), level=0.5)
    (25.0, 75.0)
    """
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return float(low), float(high)
