"""One column of a click table: what it is called and how many rows its embedding needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from graphforget.core.errors import UserError


class Kind(Enum):
    """What the ids of a field stand for."""

    CATEGORICAL = "categorical"
    """One value out of a vocabulary."""
    NUMERICAL = "numerical"
    """The bucket that a number falls into."""
    MULTI = "multi"
    """Several values out of one vocabulary, such as the genres of a film."""


@dataclass(frozen=True)
class Field:
    """One field of a click table.

    Args:
        name: of the column.
        size: rows of its embedding. Row 0 stands for what the training part does not know: values
            out of the vocabulary, missing values, and the padding of a `MULTI` field.
        kind: what the ids stand for.
        width: columns that it takes among the ids; more than 1 for `MULTI` only.

    Raises:
        UserError: for a nameless field, a size below 1, or a width that its kind does not have.

    >>> Field("weekday", 8)
    Field(name='weekday', size=8, kind=<Kind.CATEGORICAL: 'categorical'>, width=1)
    >>> Field("genres", 19, width=3)
    Traceback (most recent call last):
    graphforget.core.errors.UserError: field 'genres': only a MULTI field takes more than one ...
    """

    name: str
    size: int
    kind: Kind = Kind.CATEGORICAL
    width: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise UserError(f"field: wanted a name, got {self.name!r}")
        if self.size < 1:
            raise UserError(f"field {self.name!r}: its size counts row 0 too, got {self.size}")
        if self.width < 1:
            raise UserError(f"field {self.name!r}: its width must be 1 or more, got {self.width}")
        if self.width > 1 and self.kind is not Kind.MULTI:
            raise UserError(
                f"field {self.name!r}: only a MULTI field takes more than one column of ids, got "
                f"width {self.width} and {self.kind.name}"
            )
