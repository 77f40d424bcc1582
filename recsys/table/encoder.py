"""One field of a table that is being built: its vocabulary, and the ids of all rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.table.click_table import Part
from recsys.table.discretize import Discretization
from recsys.table.field import Kind
from recsys.table.schema import Column, Schema
from recsys.table.scratch import Scratch
from recsys.table.vocabulary import Counter, keep_frequent, look_up

SAMPLE = 1 << 20
"""Values that a discretisation is learned from, at most."""


class FieldEncoder:
    """Learns the vocabulary of a field, and then gives the ids of all rows.

    Args:
        scratch: the cells.
        number: of the field.
        column: how the field is made.
        schema: of the table.
        part: codes of `Part`, shape ``(R,)``.
    """

    values: pa.Array
    """The vocabulary, in order of the ids from 1."""
    counts: NDArray[np.int64]
    """How often each value came."""
    buckets: Discretization | None
    """Of a numerical field, as learned."""
    width: int
    """Columns of ids."""

    def __init__(
        self, scratch: Scratch, number: int, column: Column, schema: Schema, part: NDArray[Any]
    ):
        self.column, self.width = column, column.width or 1
        self._scratch, self._name = scratch, str(number)
        self._whole, self._part = schema.whole_table, part
        self.buckets = None
        if column.kind is Kind.NUMERICAL:
            self.buckets = column.discretization.fit(_sample(self._seen()))
        if column.kind is Kind.MULTI and column.width is None:
            most = (pc.max(pc.list_value_length(piece)).as_py() for piece in self._seen())
            self.width = max(1, max((one or 0 for one in most), default=0))
        counter = Counter(pa.int64() if self.buckets is not None else pa.string())
        for piece in self._seen():
            counter.add(self._words(piece))
        least = column.min_count or schema.min_count
        self.values, self.counts = keep_frequent(*counter.result(), least)

    def ids(self) -> Iterator[NDArray[np.uint32]]:
        """Ids of all rows in pieces, shape ``(B,)`` or ``(B, width)``."""
        pieces = self._scratch.column(self._name)
        if self.column.kind is Kind.MULTI:
            return side_by_side(self.values, pieces, self.width)
        return look_up(self.values, map(self._words, pieces))

    def _seen(self) -> Iterator[pa.Array]:
        """Cells of the rows that the vocabulary is learned on."""
        start = 0
        for piece in self._scratch.column(self._name):
            train = self._part[start : start + len(piece)] == Part.TRAIN
            start += len(piece)
            yield piece if self._whole else piece.filter(pa.array(train))

    def _words(self, piece: pa.Array) -> pa.Array:
        if self.buckets is not None:
            return bucket_keys(self.buckets, piece)
        return piece.flatten() if self.column.kind is Kind.MULTI else piece


def bucket_keys(buckets: Discretization, numbers: pa.Array) -> pa.Array:
    """Keys of numbers, shape ``(B,)`` int64; missing ones stay missing."""
    missing = numbers.is_null().to_numpy(zero_copy_only=False)
    values = numbers.fill_null(0).to_numpy(zero_copy_only=False)
    return pa.array(buckets.keys(values).astype(np.int64), mask=missing)


def side_by_side(
    vocabulary: pa.Array, lists: Iterable[pa.Array], width: int
) -> Iterator[NDArray[np.uint32]]:
    """Ids of the first ``width`` values of each list, padded with 0.

    >>> found = side_by_side(pa.array(["x", "y"]), [pa.array([["y", "x"], [], None, ["x"]])], 2)
    >>> next(found).tolist()
    [[2, 1], [0, 0], [0, 0], [1, 0]]
    """
    waiting: deque[NDArray[np.int64]] = deque()

    def flat() -> Iterator[pa.Array]:
        for piece in lists:
            length = pc.list_value_length(piece).fill_null(0)
            waiting.append(length.to_numpy(zero_copy_only=False).astype(np.int64))
            yield piece.flatten()

    for ids in look_up(vocabulary, flat()):
        length = waiting.popleft()
        row = np.repeat(np.arange(len(length)), length)
        place = np.arange(len(ids)) - np.repeat(np.cumsum(length) - length, length)
        rows = np.zeros((len(length), width), dtype=np.uint32)
        fits = place < width
        rows[row[fits], place[fits]] = ids[fits]
        yield rows


def _sample(pieces: Iterable[pa.Array]) -> NDArray[np.float64]:
    """Every value, or every second, fourth ... one, so that no more than `SAMPLE` are held."""
    kept: list[NDArray[np.float64]] = []
    step = seen = 0
    for piece in pieces:
        values = piece.drop_null().to_numpy(zero_copy_only=False)
        kept.append(values[-seen % (1 << step) :: 1 << step])
        seen += len(values)
        if sum(map(len, kept)) > SAMPLE:
            kept, step = [np.concatenate(kept)[::2]], step + 1
    return np.concatenate(kept) if kept else np.empty(0)
