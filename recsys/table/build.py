"""Builds the folder of a click table out of a source, in memory that rows do not fill."""

from __future__ import annotations

import fcntl
import json
import shutil
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tqdm import tqdm

from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically
from recsys.table.click_table import LABEL, PART, USERS, ClickTable, Part, narrowest
from recsys.table.discretize import Discretization
from recsys.table.field import Field, Kind
from recsys.table.schema import Column, Schema
from recsys.table.schema_file import discretization_text, schema_text
from recsys.table.scratch import LABEL as CLICKS
from recsys.table.scratch import SPLIT, USER, Scratch, write_scratch
from recsys.table.source import Source
from recsys.table.stored import (
    ABOUT,
    FORMAT,
    VOCABULARY,
    ArrayWriter,
    VocabularyWriter,
    array_name,
)  # fmt: skip
from recsys.table.vocabulary import Counter, keep_frequent, look_up

SAMPLE = 1 << 20
"""Values that a discretisation is learned from, at most."""


def build_table(
    source: Source, schema: Schema, folder: str | Path, name: str | None = None
) -> ClickTable:
    """Build a table and open it.

    The source is read once, into a temporary file of columns. Each column is then read twice: to
    count its values in the training part, and to write ids. So memory holds one chunk of rows and
    one field's different values.

    A build that is killed leaves a hidden folder, which the next build at that place removes.

    Args:
        source: of the rows.
        schema: what its columns are.
        folder: where the table shall be; it must not exist.
        name: of the table; the folder's by default.

    Raises:
        UserError: for bad input, naming file, column and row; or the folder exists.
    """
    folder = Path(folder)
    _remove_abandoned(folder)
    with folder_atomically(folder) as partial, _claimed(partial):
        scratch = write_scratch(source, schema, partial / "scratch.parquet")
        _fill(partial, scratch, schema, name or folder.name, source.place)
        scratch.path.unlink()
    return ClickTable.open(folder)


def _fill(folder: Path, scratch: Scratch, schema: Schema, name: str, place: str) -> None:
    rows = scratch.rows
    sums = {PART: _write(folder / "part.npy", np.uint8, (rows,), _parts(scratch, schema, place))}
    part = np.load(folder / "part.npy", mmap_mode="r")
    sums[LABEL] = _write(folder / "label.npy", np.uint8, (rows,), _pieces(scratch, CLICKS))
    _check_clicks(folder, part, place)
    if schema.user is not None:
        sums[USERS] = _write_users(folder, scratch)
    fields, learned = [], {}
    words = VocabularyWriter(folder / VOCABULARY)
    bar = tqdm(schema.columns, desc="encoding", unit=" fields", disable=None)
    for number, column in enumerate(bar):
        encoder = _Encoder(scratch, number, column, schema, part)
        if len(encoder.values) < 2:
            _warn_of(column, len(encoder.values), place)
        field = Field(column.name, len(encoder.values) + 1, column.kind, encoder.width)
        shape = (rows, field.width) if column.kind is Kind.MULTI else (rows,)
        file = folder / array_name(number)
        sums[field.name] = _write(file, narrowest(field.size), shape, encoder.ids())
        words.append(number, encoder.values, encoder.counts)
        fields.append(field)
        if encoder.buckets is not None:
            learned[field.name] = discretization_text(encoder.buckets)
    words.close()
    about: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "rows": rows,
        "parts": {one.name.lower(): int((part == one).sum()) for one in Part},
        "fields": [
            {"name": one.name, "size": one.size, "kind": one.kind.value, "width": one.width}
            for one in fields
        ],
        "source": Path(place).name,
        "buckets": learned,
        "checksums": sums,
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (folder / "schema.yaml").write_text(schema_text(schema), encoding="utf-8")


class _Encoder:
    """One field: its vocabulary, and then the ids of all rows."""

    def __init__(
        self, scratch: Scratch, number: int, column: Column, schema: Schema, part: NDArray[Any]
    ):
        self.column, self.width = column, column.width or 1
        self._scratch, self._name = scratch, str(number)
        self._whole, self._part = schema.whole_table, part
        self.buckets: Discretization | None = None
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


def _parts(scratch: Scratch, schema: Schema, place: str) -> Iterator[NDArray[np.uint8]]:
    found = np.zeros(256, dtype=np.int64)
    try:
        for piece in schema.split.parts(scratch.rows, lambda: _decoded(scratch.column(SPLIT))):
            found += np.bincount(piece, minlength=256)
            yield piece
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    for part in Part:
        if not found[part]:
            raise UserError(
                f"{place}: the split leaves no row for {part.name.lower()}, out of "
                f"{scratch.rows}; change the split of the schema"
            )


def _decoded(pieces: Iterator[pa.Array]) -> Iterator[pa.Array]:
    for piece in pieces:
        yield piece.dictionary_decode() if pa.types.is_dictionary(piece.type) else piece


def _pieces(scratch: Scratch, name: str) -> Iterator[NDArray[Any]]:
    for piece in scratch.column(name):
        yield piece.to_numpy(zero_copy_only=False)


def _check_clicks(folder: Path, part: NDArray[Any], place: str) -> None:
    label = np.load(folder / "label.npy", mmap_mode="r")
    for one in Part:
        clicked = label[part == one]
        if clicked.min() == clicked.max():
            raise UserError(
                f"{place}: all labels of the {one.name.lower()} part are {clicked[0]}, so nothing "
                "can be told apart; take another split, or check the label"
            )


def _write_users(folder: Path, scratch: Scratch) -> str:
    """Groups of all rows: those of the test part need a number too, so all are in the count."""
    counter = Counter(pa.string())
    for piece in scratch.column(USER):
        counter.add(piece)
    values, _ = keep_frequent(*counter.result(), min_count=1)
    ids = look_up(values, scratch.column(USER))
    file = folder / "users.npy"
    return _write(file, narrowest(len(values)), (scratch.rows,), (piece - 1 for piece in ids))


def _write(path: Path, dtype: Any, shape: tuple[int, ...], pieces: Iterable[Any]) -> str:
    with ArrayWriter(path, dtype, shape) as writer:
        for piece in pieces:
            writer.append(piece)
        return writer.checksum


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


def _warn_of(column: Column, values: int, place: str) -> None:
    what = "one value only" if values else "no value that is frequent enough"
    warnings.warn(
        f"{place}: column {column.column!r} has {what} in the training part, so field "
        f"{column.name!r} tells nothing",
        stacklevel=2,
    )


@contextmanager
def _claimed(partial: Path) -> Iterator[None]:
    """Hold a lock in a folder while it is filled; it is released when its holder dies."""
    path = partial / "lock"
    with open(path, "xb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        path.unlink()


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed builds of this folder left behind."""
    for path in folder.parent.glob(f".{folder.name}.*.partial/lock"):
        try:
            with open(path, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent)
        except OSError:
            continue  # someone fills it, or removes it just now
