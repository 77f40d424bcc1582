"""Cells of a chunk brought into the form that a kind of field wants, or named where they cannot.

Texts for categorical fields, ``float64`` for numerical ones, lists of texts for several values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from recsys.table.field import Kind
from recsys.table.schema import Calendar, Column, Label
from recsys.table.source import Chunk

TYPES = {
    Kind.CATEGORICAL: pa.string(), Kind.NUMERICAL: pa.float64(), Kind.MULTI: pa.list_(pa.string())
}  # fmt: skip
"""Arrow's type of the cells, by kind."""


@dataclass(frozen=True, eq=False)
class Cells:
    """One column of a chunk."""

    array: pa.Array
    place: str
    """File and column, for messages."""
    first: int
    """Rows of the file before these."""

    @classmethod
    def of(cls, chunk: Chunk, column: str) -> Cells:
        """Find a column.

        Raises:
            UserError: it is not there.
        """
        names = chunk.batch.schema.names
        if names.count(column) != 1:
            is_there = "is missing" if column not in names else "is there more than once"
            hint = "; is the delimiter right?" if len(names) == 1 else ""
            have = ", ".join(repr(name) for name in names[:10])
            raise UserError(f"{chunk.place}: column {column!r} {is_there}; it has {have}{hint}")
        return cls(chunk.batch.column(column), f"{chunk.place}: column {column!r}", chunk.first)

    def refuse(self, row: int, wanted: str) -> NoReturn:
        """Raise a `UserError` that names the cell."""
        cell = self.array[row].as_py()
        has = "is empty" if cell is None else f"has {str(cell)[:40]!r}"
        raise UserError(f"{self.place} must be {wanted}, row {self.first + row + 1} {has}")


def field_cells(cells: Cells, column: Column) -> pa.Array:
    """Cells of a field, missing ones null.

    Raises:
        UserError: naming the cell that has not the right form.
    """
    if column.calendar is not None:
        return calendar(cells, column.calendar)
    if column.kind is Kind.NUMERICAL:
        values, missing = numbers(cells)
        return pa.array(values, mask=missing)
    if column.kind is Kind.MULTI:
        return lists(cells, column.separator or "|")
    return texts(cells)


def texts(cells: Cells) -> pa.Array:
    """Values as texts; whole numbers that came as fractions lose their ``.0``.

    >>> texts(Cells(pa.array([1.0, None, 20.0]), "t.parquet", 0)).to_pylist()
    ['1', None, '20']
    """
    array = cells.array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_floating(array.type):
        values, missing = numbers(cells)  # refuses what is not finite
        whole = values.astype(np.int64) if (np.abs(values) < 2**53).all() else values
        if (whole == values).all():
            array = pa.array(whole, mask=missing)
    try:
        return array.cast(pa.string())
    except pa.ArrowException:
        raise UserError(f"{cells.place} holds {array.type}, which is no single value") from None


def numbers(
    cells: Cells, wanted: str = "finite numbers, or empty where one is missing"
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values and where they are missing, each of shape ``(B,)``; 0 where missing.

    Args:
        cells: texts that say numbers, or numbers.
        wanted: what they must be, for messages.

    Raises:
        UserError: naming a cell that is no number, or not a finite one.
    """
    array = cells.array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    try:
        found = array.cast(pa.float64(), safe=False)
    except pa.ArrowException:
        found = pa.array(_one_by_one(cells, wanted), pa.float64())
    missing = found.is_null().to_numpy(zero_copy_only=False)
    values = found.fill_null(0).to_numpy(zero_copy_only=False)
    finite = np.isfinite(values)
    if not finite.all():
        cells.refuse(int((~finite).argmax()), wanted)
    return values, missing


def lists(cells: Cells, separator: str) -> pa.Array:
    """Lists of texts; a text is cut at the separator, and empty pieces are left out.

    >>> lists(Cells(pa.array(["a|b", "", None]), "t.csv", 0), "|").to_pylist()
    [['a', 'b'], [], None]
    """
    array = cells.array
    if not pa.types.is_list(array.type) and not pa.types.is_large_list(array.type):
        array = pc.split_pattern(texts(cells), separator)
    offsets = pc.cumulative_sum(pc.list_value_length(array).fill_null(0).cast(pa.int64()))
    starts = np.concatenate([[0], offsets.to_numpy()])
    try:
        values = array.flatten().cast(pa.string())
    except pa.ArrowException:
        raise UserError(f"{cells.place} holds {array.type}, which is no list of values") from None
    there = pc.fill_null(pc.not_equal(values, ""), False).to_numpy(zero_copy_only=False)
    before = np.concatenate([[0], np.cumsum(there)])  # pieces that stay, ahead of each
    ends = pa.array(before[starts].astype(np.int32))
    return pa.ListArray.from_arrays(ends, values.filter(pa.array(there)), mask=array.is_null())


def calendar(cells: Cells, what: Calendar) -> pa.Array:
    """Hour, weekday (0 is Monday) or date of times in seconds since 1970, as texts in UTC.

    >>> noon = Cells(pa.array([881250949]), "u.data", 0)
    >>> [calendar(noon, what).to_pylist() for what in Calendar]
    [['15'], ['3'], ['1997-12-04']]
    """
    values, missing = numbers(cells)
    far = np.abs(values) > 2**36
    if far.any():
        cells.refuse(int(far.argmax()), "times in seconds since 1970")
    time = pa.array(values.astype(np.int64), pa.timestamp("s"), mask=missing)
    if what is Calendar.DATE:
        return time.cast(pa.date32()).cast(pa.string())
    return (pc.hour(time) if what is Calendar.HOUR else pc.day_of_week(time)).cast(pa.string())


def clicks(cells: Cells, label: Label) -> NDArray[np.uint8]:
    """Labels, shape ``(B,)``.

    Raises:
        UserError: naming a cell that is missing, or neither 0 nor 1.
    """
    wanted = "a number"
    if label.above is None:
        wanted = "0 or 1, or the schema's label needs an 'above'"
    if pa.types.is_boolean(cells.array.type):
        cells = Cells(cells.array.cast(pa.uint8()), cells.place, cells.first)
    values, missing = numbers(cells, wanted)
    if missing.any():
        cells.refuse(int(missing.argmax()), wanted)
    if label.above is not None:
        return (values > label.above).astype(np.uint8)
    odd = ~np.isin(values, (0, 1))
    if odd.any():
        cells.refuse(int(odd.argmax()), wanted)
    return values.astype(np.uint8)


def _one_by_one(cells: Cells, wanted: str) -> list[float | None]:
    values: list[float | None] = []
    for row, cell in enumerate(cells.array.to_pylist()):
        try:
            values.append(None if cell is None else float(cell))
        except (TypeError, ValueError):
            cells.refuse(row, wanted)
    return values
