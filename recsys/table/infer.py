"""A first schema for a user's own columns, to be edited."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphforget.core.errors import UserError
from recsys.table.cells import Cells
from recsys.table.discretize import Quantiles
from recsys.table.field import Kind
from recsys.table.schema import Column, Label, Schema
from recsys.table.source import Source, header
from recsys.table.split import AtRandom, ByTime, Given, Split

LABELS = ("label", "click", "clicked", "is_click", "target", "y")
"""Columns that are taken for the label, in this order."""
USERS = ("user_id", "userid", "user", "uid")
TIMES = ("timestamp", "time", "unix_time")
SPLITS = ("split", "part")
SEPARATORS = ("|", ";", ",", " ")


def infer_schema(source: Source, delimiter: str = ",", label: str | None = None) -> Schema:
    """Guess what the columns are from the first chunk of rows.

    A column of numbers with fractions becomes a numerical field in 32 quantiles; lists, and texts
    of words between separators that come again and again, a field of several values; everything
    else, whole numbers too, a categorical one. Where there is a column of times, the latest rows
    are for testing, and the time is no field: no future row has it.

    Args:
        source: of the rows.
        delimiter: of a text file, noted in the schema.
        label: column of the label; the first of `LABELS` that is there by default.

    Raises:
        UserError: no row, no column that could be the label or a field, or two of one name.
    """
    chunk = next(iter(source.chunks()), None)
    if chunk is None or not chunk.batch.num_rows:
        raise UserError(f"{source.place}: it has no rows")
    columns = chunk.batch.schema.names
    for column in columns:
        Cells.of(chunk, column)  # refuses a name that is there twice
    names = {name.lower(): name for name in reversed(columns)}
    label = label or _first(names, LABELS)
    if label is None or label not in columns:
        wanted = f"column {label!r}" if label else "a label called " + ", ".join(LABELS)
        have = ", ".join(map(repr, columns[:10]))
        hint = "; is the delimiter right?" if len(columns) == 1 else ", or name it in a schema"
        raise UserError(f"{source.place}: {wanted} is missing; it has {have}{hint}")
    time, given = _first(names, TIMES), _first(names, SPLITS)
    split: Split = Given(given) if given else ByTime(time) if time else AtRandom()
    fields = tuple(
        _column(name, chunk.batch.column(name))
        for name in columns
        if name not in (label, split.column)
    )
    if not fields:
        raise UserError(f"{source.place}: beside {', '.join(columns)} it has no column to learn of")
    return Schema(fields, Label(label), split, user=_first(names, USERS), delimiter=delimiter)


def guess_delimiter(file: Path) -> str:
    """The one of tab, comma, semicolon and bar that the first line holds most often."""
    return max("\t,;|", key=lambda mark: len(header(file, mark)))


def _first(names: dict[str, str], wanted: tuple[str, ...]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _column(name: str, array: pa.Array) -> Column:
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return Column(name, Kind.MULTI)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_large_string(array.type):  # as pandas and polars write texts
        array = array.cast(pa.string())
    numbers = _numbers(array)
    if numbers is not None:
        if (numbers != np.floor(numbers)).any():
            return Column(name, Kind.NUMERICAL, buckets=Quantiles())
        return Column(name)
    if pa.types.is_string(array.type):
        for mark in SEPARATORS:
            if _is_list_of(array, mark):
                return Column(name, Kind.MULTI, separator=mark)
    return Column(name)


def _numbers(array: pa.Array) -> np.ndarray | None:
    """The values, if all that are there are numbers."""
    if not (pa.types.is_string(array.type) or pa.types.is_floating(array.type)):
        return None
    try:
        found = pc.drop_null(array).cast(pa.float64())
    except pa.ArrowException:
        return None
    return found.to_numpy() if len(found) else None


def _is_list_of(array: pa.Array, mark: str) -> bool:
    """Whether texts look like lists: a few words, in many combinations."""
    cells = pc.drop_null(array)
    pieces = pc.split_pattern(cells, mark).flatten()
    if len(pieces) < 1.2 * len(cells):
        return False
    words, whole = len(pc.unique(pieces)), len(pc.unique(cells))
    return words < whole and words <= max(2, len(pieces) // 20)
