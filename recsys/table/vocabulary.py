"""Values are counted in chunks, become a vocabulary, and are looked up in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

PENDING = 1 << 20
"""Entries that are gathered before they are merged or looked up, at least."""


class Counter:
    """Counts values that come in chunks. Its memory grows with the different values only.

    Args:
        kind: type of the values.

    >>> counter = Counter(pa.string())
    >>> counter.add(pa.array(["b", "a", None]))
    >>> counter.add(pa.array(["a"]))
    >>> sorted(zip(*(array.to_pylist() for array in counter.result())))
    [('a', 2), ('b', 1)]
    """

    def __init__(self, kind: pa.DataType):
        names = pa.schema({"value": kind, "count": pa.int64()})
        self._whole, self._pending, self._waiting = names.empty_table(), [names.empty_table()], 0

    def add(self, values: pa.Array) -> None:
        """Count the values of a chunk; missing ones do not count."""
        counted = pc.value_counts(values)
        value, count = counted.field("values"), counted.field("counts")
        if pa.types.is_dictionary(value.type):
            value = value.dictionary_decode()
        piece = pa.table({"value": value, "count": count})
        if value.null_count:
            piece = piece.filter(value.is_valid())
        self._pending.append(piece)
        self._waiting += len(piece)
        if self._waiting > max(PENDING, len(self._whole)):  # so that all merges cost what one does
            self._merge()

    def result(self) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """Different values in any order, and their counts."""
        self._merge()
        return self._whole["value"], self._whole["count"]

    def _merge(self) -> None:
        pieces = pa.concat_tables([self._whole, *self._pending])
        merged = pieces.group_by("value", use_threads=False).aggregate([("count", "sum")])
        self._whole = merged.rename_columns({"count_sum": "count"}).select(["value", "count"])
        self._pending, self._waiting = [], 0


def keep_frequent(
    values: pa.ChunkedArray, counts: pa.ChunkedArray, min_count: int
) -> tuple[pa.Array, NDArray[np.int64]]:
    """The vocabulary: values that are frequent enough, the most frequent first.

    The value at place ``v`` has the id ``v + 1``. Equally frequent ones are in their own order, so
    that ids depend on the rows alone, and not on the chunks in which they were read.

    Args:
        values: different ones.
        counts: of the same.
        min_count: a value is kept if it came that often.

    Returns:
        The values and their counts.

    >>> found = keep_frequent(pa.chunked_array([["a", "b", "c"]]), pa.chunked_array([[2, 1, 3]]), 2)
    >>> found[0].to_pylist(), found[1].tolist()
    (['c', 'a'], [3, 2])
    """
    table = pa.table({"value": values, "count": counts})
    table = table.filter(pc.greater_equal(counts, min_count))
    table = table.sort_by([("count", "descending"), ("value", "ascending")])
    return table["value"].combine_chunks(), table["count"].to_numpy()


def look_up(vocabulary: pa.Array, chunks: Iterable[pa.Array]) -> Iterator[NDArray[np.uint32]]:
    """Ids of values that come in chunks; 0 for what is missing or not in the vocabulary.

    Chunks are gathered until they are as long as the vocabulary, whose hash table is built anew
    for each look-up: so building it costs no more than the look-ups do.

    Args:
        vocabulary: ``V`` different values.
        chunks: of values, plain or dictionary-encoded.

    Yields:
        Ids of the values, one piece for each chunk.

    >>> [ids.tolist() for ids in look_up(pa.array(["x", "y"]), [pa.array(["y", None, "z", "x"])])]
    [[2, 0, 0, 1]]
    """
    gathered: list[pa.Array] = []
    for chunk in chunks:
        gathered.append(chunk)
        if sum(map(len, gathered)) >= len(vocabulary):
            yield from _ids(vocabulary, gathered)
            gathered = []
    yield from _ids(vocabulary, gathered)


def _ids(vocabulary: pa.Array, chunks: list[pa.Array]) -> Iterator[NDArray[np.uint32]]:
    if not chunks:
        return
    words = [one.dictionary if pa.types.is_dictionary(one.type) else one for one in chunks]
    found = pc.index_in(pa.chunked_array(words, vocabulary.type), value_set=vocabulary)
    known = _plus_one(found)
    start = 0
    for chunk, word in zip(chunks, words, strict=True):
        ids = known[start : start + len(word)]
        start += len(word)
        if chunk is not word:
            places = _plus_one(chunk.indices)
            ids = np.concatenate([np.zeros(1, np.uint32), ids])[places]
        yield ids


def _plus_one(found: pa.Array | pa.ChunkedArray) -> NDArray[np.uint32]:
    """Places from 0 to ids from 1; null to 0."""
    places = pc.fill_null(found.cast(pa.int64()), -1).to_numpy()
    return (places + 1).astype(np.uint32)
