"""What a user's columns are: which is the label, which are fields, and of what kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from graphforget.core.errors import UserError
from recsys.table.discretize import Discretization, WholeNumbers
from recsys.table.field import Kind
from recsys.table.split import AtRandom, Split


class Calendar(Enum):
    """What is taken of a time in seconds since 1970, in UTC."""

    HOUR = "hour"
    WEEKDAY = "weekday"
    DATE = "date"


@dataclass(frozen=True)
class Column:
    """How a field is made of a column of the source.

    Args:
        name: of the field.
        kind: what its ids shall stand for.
        source: the column; the one called like the field by default.
        min_count: a value that comes less often in the training part is out of the vocabulary;
            `Schema.min_count` by default.
        buckets: of a numerical field; a bucket for each whole number by default.
        separator: between the values of a `MULTI` field, where the column holds texts.
        width: values that a `MULTI` field takes, the others are left out; by default the most
            that a training row has.
        calendar: take the hour, the weekday or the date of a column of times.

    Raises:
        UserError: naming the field, for what its kind does not have.
    """

    name: str
    kind: Kind = Kind.CATEGORICAL
    source: str | None = None
    min_count: int | None = None
    buckets: Discretization | None = None
    separator: str | None = None
    width: int | None = None
    calendar: Calendar | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise UserError(f"schema: a field has the name {self.name!r}; give it a text")
        at = f"schema: field {self.name!r}"
        for word, number in (("min_count", self.min_count), ("width", self.width)):
            if number is not None and (isinstance(number, bool) or number < 1):
                raise UserError(f"{at}: {word} must be a whole number above 0, got {number!r}")
        if self.buckets is not None and self.kind is not Kind.NUMERICAL:
            raise UserError(f"{at}: only a numerical field has buckets, this is {self.kind.value}")
        if (self.separator or self.width) and self.kind is not Kind.MULTI:
            raise UserError(
                f"{at}: only a multi field has a separator or a width, this is {self.kind.value}"
            )
        if self.calendar is not None and self.kind is not Kind.CATEGORICAL:
            raise UserError(f"{at}: a calendar makes a categorical field, not {self.kind.value}")

    @property
    def column(self) -> str:
        """The column that is read."""
        return self.source or self.name

    @property
    def discretization(self) -> Discretization:
        """Buckets of a numerical field."""
        return self.buckets or WholeNumbers()


@dataclass(frozen=True)
class Label:
    """Which column says whether it was a click.

    Args:
        column: of the source.
        above: a click is a number above this, such as a rating above 3; without it, the column
            must hold 0 and 1.
    """

    column: str = "label"
    above: float | None = None


@dataclass(frozen=True)
class Schema:
    """All that is needed to make a click table of a source.

    Args:
        columns: the fields, in their order.
        label: which column says whether it was a click.
        split: which rows train, validate and test.
        user: column whose values group the rows for metrics per user.
        min_count: see `Column`.
        whole_table: learn the vocabularies on all rows instead of the training part. This lets
            the model's size and ids depend on the test rows: it is a leak, and how many published
            vocabulary sizes were counted. It is here to compare with those.
        delimiter: of a text file.

    Raises:
        UserError: no field, or two of the same name.
    """

    columns: tuple[Column, ...]
    label: Label = Label()
    split: Split = AtRandom()
    user: str | None = None
    min_count: int = 1
    whole_table: bool = False
    delimiter: str = ","

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not names:
            raise UserError("schema: it lists no field")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UserError(f"schema: field {twice!r} is listed twice")
        if self.label.column in {column.column for column in self.columns}:
            raise UserError(
                f"schema: column {self.label.column!r} is the label and a field at once; "
                "take it out of the fields"
            )
        if self.min_count < 1:
            raise UserError(f"schema: min_count must be above 0, got {self.min_count}")
        if len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '\r\n\0"':
            raise UserError(
                "schema: the delimiter is one ASCII character, and no quote or line break, got "
                f"{self.delimiter!r}"
            )
