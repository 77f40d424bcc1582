"""Builds the folder of a click table out of a source, in memory that rows do not fill."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically
from recsys.table.claim import claimed, remove_abandoned
from recsys.table.click_table import LABEL, PART, USERS, ClickTable, Part, narrowest
from recsys.table.encoder import FieldEncoder
from recsys.table.field import Field, Kind
from recsys.table.schema import Column, Schema
from recsys.table.schema_file import discretization_text, schema_text
from recsys.table.scratch import LABEL as CLICKS
from recsys.table.scratch import SPLIT, USER, Scratch, write_scratch
from recsys.table.source import CHUNK_ROWS, Source
from recsys.table.stored import (
    ABOUT,
    FORMAT,
    VOCABULARY,
    ArrayWriter,
    VocabularyWriter,
    array_name,
)  # fmt: skip
from recsys.table.vocabulary import Counter, keep_frequent, look_up


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
    remove_abandoned(folder)
    with folder_atomically(folder) as partial, claimed(partial):
        scratch = write_scratch(source, schema, partial / "scratch.parquet")
        _fill(partial, scratch, schema, name or folder.name, source.place)
        scratch.path.unlink()
    return ClickTable.open(folder)


def _fill(folder: Path, scratch: Scratch, schema: Schema, name: str, place: str) -> None:
    rows = scratch.rows
    sums = {PART: _write(folder / "part.npy", np.uint8, (rows,), _parts(scratch, schema, place))}
    part = np.load(folder / "part.npy", mmap_mode="r")
    sums[LABEL] = _write(folder / "label.npy", np.uint8, (rows,), _pieces(scratch, CLICKS))
    label = np.load(folder / "label.npy", mmap_mode="r")
    found = _check_clicks(label, part, place)
    if schema.user is not None:
        sums[USERS] = _write_users(folder, scratch)
    fields, learned = [], {}
    words = VocabularyWriter(folder / VOCABULARY)
    bar = tqdm(schema.columns, desc="encoding", unit=" fields", disable=None)
    for number, column in enumerate(bar):
        encoder = FieldEncoder(scratch, number, column, schema, part)
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
        "parts": {one.name.lower(): int(found[one].sum()) for one in Part},
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


def _check_clicks(label: NDArray[Any], part: NDArray[Any], place: str) -> NDArray[np.int64]:
    """Rows by part and label, shape ``(256, 2)``, where each part has both labels."""
    found = np.zeros((256, 2), dtype=np.int64)
    for start in range(0, len(part), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        codes = 2 * part[rows].astype(np.int64) + label[rows]
        found += np.bincount(codes, minlength=512).reshape(256, 2)
    for one in Part:
        if not found[one].all():
            raise UserError(
                f"{place}: all labels of the {one.name.lower()} part are "
                f"{int(found[one].argmax())}, so nothing can be told apart; take another split, "
                "or check the label"
            )
    return found


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


def _warn_of(column: Column, values: int, place: str) -> None:
    what = "one value only" if values else "no value that is frequent enough"
    warnings.warn(
        f"{place}: column {column.column!r} has {what} in the training part, so field "
        f"{column.name!r} tells nothing",
        stacklevel=2,
    )
