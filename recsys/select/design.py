"""The table as linear and tree models see it: one number per field and row."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from recsys.table import Part

if TYPE_CHECKING:
    from recsys.table import ClickTable


class Encoding(ABC):
    """A number for every value of a field."""

    @abstractmethod
    def encode(
        self, codes: NDArray, label: NDArray, fresh: NDArray, seed: int
    ) -> tuple[NDArray, NDArray]:
        """Numbers for the rows that a model is fitted on, and for rows that only test it.

        Args:
            codes: values of one field in the fitted rows, shape ``(R,)``.
            label: their labels, shape ``(R,)``.
            fresh: values of the field in other rows, shape ``(S,)``; their labels are not asked.
            seed: seed of whatever is drawn.

        Returns:
            Shapes ``(R,)`` and ``(S,)``, float64.
        """


@dataclass(frozen=True)
class RawIds(Encoding):
    """The ids themselves, in whatever order the vocabulary gave them: what was published.

    >>> RawIds().encode(np.array([3, 1]), np.array([0, 1]), np.array([2]), seed=0)
    (array([3., 1.]), array([2.]))
    """

    def encode(
        self, codes: NDArray, label: NDArray, fresh: NDArray, seed: int
    ) -> tuple[NDArray, NDArray]:
        return codes.astype(np.float64), fresh.astype(np.float64)


@dataclass(frozen=True)
class ClickRate(Encoding):
    """The share of clicks among the *other* rows that hold the value (target encoding).

    Cross-fitted: a row's own label never enters its own number, or a value seen once would give
    the label away. After Micci-Barreca, SIGKDD Explorations 3(1), 2001.

    Args:
        folds: number of parts, each encoded from the other parts; 2 or more.
        pseudo_count: how many rows of average click rate each value starts with; above 0.

    Raises:
        UserError: for other numbers.

    >>> ids, label = np.array([5, 5, 5, 5]), np.array([1, 1, 0, 0])
    >>> ClickRate(folds=4, pseudo_count=1.0).encode(ids, label, np.array([5, 9]), seed=0)
    (array([0.375, 0.375, 0.625, 0.625]), array([0.5, 0.5]))
    """

    folds: int = 5
    pseudo_count: float = 10.0

    def __post_init__(self) -> None:
        if self.folds < 2 or not 0 < self.pseudo_count < math.inf:
            raise UserError(
                "ClickRate: wanted 2 folds or more and a pseudo_count above 0, got "
                f"{self.folds} and {self.pseudo_count}"
            )

    def encode(
        self, codes: NDArray, label: NDArray, fresh: NDArray, seed: int
    ) -> tuple[NDArray, NDArray]:
        average = float(label.mean())
        order = np.random.default_rng(seed).permutation(len(codes))
        fitted = np.empty(len(codes))
        for fold in np.array_split(order, self.folds):
            others = np.ones(len(codes), dtype=bool)
            others[fold] = False
            rates = self._rates(codes[others], label[others], average)
            fitted[fold] = _look_up(rates, codes[fold], average)
        return fitted, _look_up(self._rates(codes, label, average), fresh, average)

    def _rates(self, codes: NDArray, label: NDArray, average: float) -> NDArray[np.float64]:
        """The smoothed click rate of every code up to the highest."""
        shown, clicked = np.bincount(codes), np.bincount(codes, weights=label)
        return (clicked + self.pseudo_count * average) / (shown + self.pseudo_count)


def _look_up(rates: NDArray, codes: NDArray, average: float) -> NDArray[np.float64]:
    known = codes < len(rates)
    return np.where(known, rates[np.where(known, codes, 0)], average)


def codes(table: ClickTable, place: int, rows: NDArray) -> NDArray[np.int64]:
    """The values of one field as single numbers, shape ``(len(rows),)``.

    A field of several values counts each combination as a value of its own, numbered among the
    given rows: ask for all rows of a comparison at once.
    """
    values = np.asarray(table.columns[place][rows])
    if values.ndim == 1:
        return values.astype(np.int64)
    return np.unique(values, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def some_rows(rows: NDArray, most: int | None, seed: int) -> NDArray:
    """At most so many of the rows, drawn without replacement and left in order.

    >>> some_rows(np.arange(5), None, seed=0), len(some_rows(np.arange(5), 3, seed=0))
    (array([0, 1, 2, 3, 4]), 3)
    """
    if most is None or len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


@dataclass(frozen=True, eq=False)
class Design:
    """What a shallow model is fitted on and tested on.

    Args:
        x: encoded training rows, shape ``(R, F)``.
        y: their labels, shape ``(R,)``.
        x_val: encoded validation rows, shape ``(S, F)``.
        y_val: their labels, shape ``(S,)``.
    """

    x: NDArray
    y: NDArray
    x_val: NDArray
    y_val: NDArray


def design(table: ClickTable, encoding: Encoding, max_rows: int | None, seed: int) -> Design:
    """The training and validation rows of a table in an encoding fitted on the training rows.

    Args:
        table: the table; its test rows are not read.
        encoding: how a value becomes a number.
        max_rows: at most so many rows of each part, drawn at random; None takes all.
        seed: seed of what is drawn.
    """
    train, val = (some_rows(table.rows(part), max_rows, seed) for part in (Part.TRAIN, Part.VAL))
    label = np.asarray(table.label[np.concatenate([train, val])])
    y, y_val = label[: len(train)], label[len(train) :]
    x = np.empty((len(train), table.num_fields))
    x_val = np.empty((len(val), table.num_fields))
    for place in range(table.num_fields):
        values = codes(table, place, np.concatenate([train, val]))
        x[:, place], x_val[:, place] = encoding.encode(
            values[: len(train)], y, values[len(train) :], seed
        )
    return Design(x, y, x_val, y_val)
