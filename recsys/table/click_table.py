"""The click table: integer ids a field, a label and a part a row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphforget.core.errors import UserError
from recsys.table.field import Field, Kind

NO_PART = 255
"""Code of a row that is in no part: nobody trains, validates or tests on it."""


class Part(IntEnum):
    """The three parts of a table, and their codes in `ClickTable.part`."""

    TRAIN = 0
    VAL = 1
    TEST = 2


@dataclass(frozen=True, eq=False)
class Origin:
    """Files that hold arrays of a table."""

    folder: Path
    arrays: Mapping[str, NDArray[Any]]
    """As they were opened, by the name of the field, or `LABEL`, `PART` and `USERS`."""
    checksums: Mapping[str, str]
    """Of the same."""


@dataclass(frozen=True, eq=False, repr=False)
class ClickTable:
    """Rows of categorical ids with a click label, ``R`` rows and ``F`` fields.

    The arrays of a table that was opened from a folder are memory-mapped: only what is read is in
    memory, and processes on one machine share it.

    Args:
        name: of the data set.
        fields: ``F`` of them.
        columns: one array of ids a field, shape ``(R,)`` or, for a `MULTI` field, ``(R, width)``;
            each of the narrowest unsigned type that holds its ids. Ids count from 0 in each field.
        label: shape ``(R,)``, 0 or 1.
        part: shape ``(R,)``, codes of `Part`, or `NO_PART`.
        users: shape ``(R,)``, the group of each row for metrics per user; not seen by a model.
        origin: the files behind the arrays, if there are any.

    Example:
        >>> table = ClickTable.from_arrays(
        ...     "toy", {"user": [1, 2, 1], "item": [3, 0, 1]}, label=[1, 0, 1], part=[0, 0, 2]
        ... )
        >>> table
        ClickTable('toy', 3 rows, 2 fields)
        >>> table.rows(Part.TRAIN), table.take([0, 2]).tolist(), table.labels([0, 1]).tolist()
        (array([0, 1]), [[1, 3], [1, 1]], [1.0, 0.0])
        >>> [(field.name, field.size) for field in table.only(["item"]).fields]
        [('item', 4)]
    """

    name: str
    fields: tuple[Field, ...]
    columns: tuple[NDArray[Any], ...]
    label: NDArray[np.uint8]
    part: NDArray[np.uint8]
    users: NDArray[Any] | None = None
    origin: Origin | None = None

    @classmethod
    def from_arrays(
        cls,
        name: str,
        columns: Mapping[str, Any],
        label: Any,
        part: Any,
        sizes: Mapping[str, int] | None = None,
        kinds: Mapping[str, Kind] | None = None,
        users: Any = None,
    ) -> ClickTable:
        """Make a table of arrays in memory.

        Args:
            name: of the data set.
            columns: ids by field, shape ``(R,)``, or ``(R, W)`` for a field of several values.
            label: shape ``(R,)``, 0 or 1.
            part: shape ``(R,)``, codes of `Part`, or `NO_PART`.
            sizes: rows of the embeddings; the largest id and one, where it is not given.
            kinds: of the fields; where it is not given, `MULTI` for two dimensions, else
                `CATEGORICAL`.
            users: shape ``(R,)``, the group of each row.

        Raises:
            UserError: naming the table and the array that does not fit.
        """
        fields, arrays = [], []
        for key, given in columns.items():
            ids = np.asarray(given)
            if ids.ndim not in (1, 2) or ids.dtype.kind not in "iu" or (ids.size and ids.min() < 0):
                raise UserError(
                    f"table {name!r}: field {key!r} must be ids from 0, shape (R,) or (R, W), got "
                    f"{ids.dtype} of shape {ids.shape}"
                )
            size = int((sizes or {}).get(key, ids.max(initial=0) + 1))
            kind = (kinds or {}).get(key, Kind.MULTI if ids.ndim == 2 else Kind.CATEGORICAL)
            fields.append(Field(key, size, kind, ids.shape[1] if ids.ndim == 2 else 1))
            if ids.max(initial=0) >= size:
                raise UserError(
                    f"table {name!r}: field {key!r} has the id {ids.max()}, its size is {size}"
                )
            arrays.append(ids.astype(narrowest(size)))
        groups = None if users is None else np.array(users)
        answers, parts = _codes(name, "label", label, (0, 1)), _codes(name, "part", part, _PARTS)
        for array in (*arrays, answers, parts, groups):
            if array is not None:
                array.flags.writeable = False  # the digest is kept
        return cls(name, tuple(fields), tuple(arrays), answers, parts, groups)

    @classmethod
    def open(cls, folder: str | Path) -> ClickTable:
        """Open a table that `recsys.table.build` wrote; its arrays are memory-mapped.

        Raises:
            UserError: there is none, or it is damaged.
        """
        from recsys.table.stored import open_table  # it makes tables of this class

        return open_table(Path(folder))

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if not names:
            raise UserError(f"table {self.name!r}: it has no field")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UserError(f"table {self.name!r}: field {twice!r} is there twice")
        for name, array in self._arrays().items():
            if len(array) != len(self.label):
                raise UserError(
                    f"table {self.name!r}: {name.strip('/')!r} has {len(array)} rows, label "
                    f"{len(self.label)}"
                )

    def __repr__(self) -> str:
        return f"ClickTable({self.name!r}, {self.num_rows:,} rows, {self.num_fields} fields)"

    def __reduce__(self) -> Any:
        if self.origin and all(map(self._on_disk, self._arrays())):
            # A worker maps the same files; the arrays do not travel.
            return _reopen, (self.origin.folder, tuple(field.name for field in self.fields))
        return ClickTable, (
            self.name, self.fields, self.columns, self.label, self.part, self.users
        )

    @property
    def num_rows(self) -> int:
        """``R``."""
        return len(self.label)

    @property
    def num_fields(self) -> int:
        """``F``."""
        return len(self.fields)

    @cached_property
    def digest(self) -> str:
        """Sha256 of the fields and of the content of all arrays; the name does not count."""
        known = self.origin.checksums if self.origin else {}
        sums = {
            name: known[name] if self._on_disk(name) else checksum(array)
            for name, array in self._arrays().items()
        }
        fields = [[field.name, field.size, field.kind.value, field.width] for field in self.fields]
        return hashlib.sha256(json.dumps([fields, sums], sort_keys=True).encode()).hexdigest()

    def _arrays(self) -> dict[str, NDArray[Any]]:
        names = [field.name for field in self.fields]
        arrays = dict(zip(names, self.columns, strict=True)) | {LABEL: self.label, PART: self.part}
        return arrays if self.users is None else arrays | {USERS: self.users}

    def _on_disk(self, name: str) -> bool:
        """Whether an array is the one in the files: `dataclasses.replace` may have changed it."""
        return self.origin is not None and (
            self.origin.arrays.get(name) is self._arrays()[name]
        )

    def rows(self, part: Part) -> NDArray[np.int64]:
        """Numbers of the rows of a part, ascending, shape ``(P,)``."""
        return np.flatnonzero(self.part == part)

    def take(self, rows: Any) -> Tensor:
        """Ids of some rows, the fields side by side.

        Args:
            rows: shape ``(B,)``, numbers of rows or a slice.

        Returns:
            Shape ``(B, C)`` int64, ``C`` the sum of the widths. Ids count from 0 in each field.
        """
        rows = rows if isinstance(rows, slice) else np.asarray(rows)
        taken = [np.asarray(column[rows]) for column in self.columns]
        ids = np.empty((len(taken[0]), sum(field.width for field in self.fields)), dtype=np.int64)
        start = 0
        for field, values in zip(self.fields, taken, strict=True):
            ids[:, start : start + field.width] = values.reshape(len(values), field.width)
            start += field.width
        return torch.from_numpy(ids)

    def labels(self, rows: Any) -> Tensor:
        """Labels of some rows, shape ``(B,)`` float32.

        Args:
            rows: shape ``(B,)``, numbers of rows or a slice.
        """
        rows = rows if isinstance(rows, slice) else np.asarray(rows)
        return torch.from_numpy(np.asarray(self.label[rows]).astype(np.float32))

    def only(self, names: Sequence[str]) -> ClickTable:
        """The same table with these fields only, in this order; nothing is copied.

        Raises:
            UserError: for a field that is not there, or none.
        """
        place = {field.name: index for index, field in enumerate(self.fields)}
        for name in names:
            if name not in place:
                raise UserError(
                    f"table {self.name!r}: no field {name!r}; it has {', '.join(place)}"
                )
        chosen = [place[name] for name in names]
        return replace(
            self,
            fields=tuple(self.fields[index] for index in chosen),
            columns=tuple(self.columns[index] for index in chosen),
        )


LABEL, PART, USERS = "/label", "/part", "/users"  # no field's name: a field may be called "label"
_PARTS = (*Part, NO_PART)


def narrowest(size: int) -> np.dtype:
    """The narrowest unsigned type that holds the ids below ``size``.

    >>> [str(narrowest(size)) for size in (2, 256, 257, 70_000)]
    ['uint8', 'uint8', 'uint16', 'uint32']
    """
    return np.min_scalar_type(max(size - 1, 0))


def checksum(array: NDArray[Any]) -> str:
    """Sha256 of type, shape and values of an array, read in pieces of a few megabytes."""
    digest = start_checksum(array.dtype, array.shape)
    step = max(1, (1 << 22) // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        digest.update(np.ascontiguousarray(array[start : start + step]).tobytes())
    return digest.hexdigest()


def start_checksum(dtype: np.dtype, shape: tuple[int, ...]) -> Any:
    """The hash of an array before its bytes have been added."""
    return hashlib.sha256(repr((np.dtype(dtype).str, tuple(shape))).encode())


def _codes(name: str, what: str, given: Any, allowed: Sequence[int]) -> NDArray[np.uint8]:
    codes = np.asarray(given)
    odd = ~np.isin(codes, allowed)
    if odd.any():
        row = int(odd.argmax())
        raise UserError(
            f"table {name!r}: {what} must be one of {', '.join(str(int(one)) for one in allowed)}, "
            f"row {row + 1} has {codes[row]!r}"
        )
    return codes.astype(np.uint8)


def _reopen(folder: Path, names: tuple[str, ...]) -> ClickTable:
    return ClickTable.open(folder).only(names)
