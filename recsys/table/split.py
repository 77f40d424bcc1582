"""Which part each row is in: by position, at random, by time, or as given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from recsys.table.click_table import NO_PART, Part
from recsys.table.vocabulary import Counter

BLOCK = 1 << 20
"""Rows that `AtRandom` divides at a time, so that memory does not grow with the table."""


class Split(ABC):
    """A rule that says which part each row is in. A subclass is a frozen dataclass."""

    column: str | None = None
    """The column of the source that it reads, if it reads one."""
    of_numbers: ClassVar[bool] = False
    """Whether that column holds numbers; otherwise it holds texts."""

    @abstractmethod
    def parts(
        self, rows: int, values: Callable[[], Iterator[pa.Array]]
    ) -> Iterator[NDArray[np.uint8]]:
        """Codes of `Part` for all rows in their order, in pieces of any length.

        Args:
            rows: ``R``, how many there are.
            values: reads `column` in pieces, as often as it is called.
        """


@dataclass(frozen=True)
class InOrder(Split):
    """The first rows train, the next validate, the last test: by time, where that is the order.

    Args:
        val: share of the validation rows.
        test: share of the test rows.
    """

    val: float = 0.2
    test: float = 0.1

    def __post_init__(self) -> None:
        _check_shares(self.val, self.test)

    def parts(
        self, rows: int, values: Callable[[], Iterator[pa.Array]]
    ) -> Iterator[NDArray[np.uint8]]:
        first, second = _cuts(rows, self.val, self.test)
        for start in range(0, rows, BLOCK):
            place = np.arange(start, min(rows, start + BLOCK))
            yield ((place >= first).astype(np.uint8) + (place >= second)).astype(np.uint8)


@dataclass(frozen=True)
class AtRandom(Split):
    """Each block of `BLOCK` rows is divided at random, in the same shares.

    Args:
        seed: 0 or more; the same seed gives the same parts.
        val: share of the validation rows.
        test: share of the test rows.
    """

    seed: int = 0
    val: float = 0.2
    test: float = 0.1

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"split: the seed must be 0 or more, got {self.seed}")
        _check_shares(self.val, self.test)

    def parts(
        self, rows: int, values: Callable[[], Iterator[pa.Array]]
    ) -> Iterator[NDArray[np.uint8]]:
        for start in range(0, rows, BLOCK):
            count = min(rows - start, BLOCK)
            first, second = _cuts(count, self.val, self.test)
            codes = np.repeat(
                np.array(Part, dtype=np.uint8), [first, second - first, count - second]
            )
            yield np.random.default_rng([self.seed, start // BLOCK]).permutation(codes)


@dataclass(frozen=True)
class ByTime(Split):
    """The oldest rows train, the latest test, wherever in the file they are.

    Rows of the same time are in the same part, so that nothing is predicted from its own moment.

    Args:
        column: of the times, numbers.
        val: share of the validation rows.
        test: share of the test rows.
    """

    of_numbers: ClassVar[bool] = True
    column: str = "timestamp"
    val: float = 0.2
    test: float = 0.1

    def __post_init__(self) -> None:
        _check_shares(self.val, self.test)

    def parts(
        self, rows: int, values: Callable[[], Iterator[pa.Array]]
    ) -> Iterator[NDArray[np.uint8]]:
        counter = Counter(pa.float64())
        for piece in values():
            counter.add(piece)
        times, counts = (np.asarray(array) for array in counter.result())
        order = np.argsort(times)
        cuts = np.array(_cuts(rows, self.val, self.test))
        # the last time of a part is the one with which its share is reached
        last = times[order][np.searchsorted(np.cumsum(counts[order]), cuts)]
        for piece in values():
            yield np.searchsorted(last, np.asarray(piece)).astype(np.uint8)


@dataclass(frozen=True)
class Given(Split):
    """A column says it: ``train``, ``val`` (or ``valid``, ``validation``), ``test``, or nothing.

    A row with an empty cell is in no part.

    Args:
        column: that says it.
    """

    column: str = "split"

    def parts(
        self, rows: int, values: Callable[[], Iterator[pa.Array]]
    ) -> Iterator[NDArray[np.uint8]]:
        first = 0
        for piece in values():
            said = piece.fill_null("").to_numpy(zero_copy_only=False)
            names, back = np.unique(said.astype(str), return_inverse=True)
            codes = [_PARTS.get(name.strip().lower()) for name in names]
            if None in codes:
                wrong = codes.index(None)
                row = first + int((back == wrong).argmax()) + 1
                raise UserError(
                    f"column {self.column!r} must be train, val, test or empty, "
                    f"row {row} has {str(names[wrong])[:40]!r}"
                )
            yield np.array(codes, dtype=np.uint8)[back]
            first += len(piece)


_PARTS = {
    "train": Part.TRAIN, "val": Part.VAL, "valid": Part.VAL, "validation": Part.VAL,
    "test": Part.TEST, "": NO_PART,
}  # fmt: skip


def _cuts(rows: int, val: float, test: float) -> tuple[int, int]:
    return round((1 - val - test) * rows), round((1 - test) * rows)


def _check_shares(val: float, test: float) -> None:
    if not (0 < val < 1 and 0 < test < 1 and val + test < 1):
        raise UserError(
            f"split: the shares of val and test must be above 0 and leave rows to train, "
            f"got {val:g} and {test:g}"
        )
