"""The folder of a table.

| file | content |
|---|---|
| `table.json` | fields, rows of each part, learned buckets, checksums |
| `schema.yaml` | by which it was built |
| `00.npy`, `01.npy`, ... | ids of each field |
| `label.npy`, `part.npy`, `users.npy` | of each row |
| `vocabulary.parquet` | values of each field in order of their ids, and how often they came |
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from recsys.table.click_table import LABEL, PART, USERS, ClickTable, Origin, start_checksum
from recsys.table.field import Field, Kind

FORMAT = 1
ABOUT, VOCABULARY = "table.json", "vocabulary.parquet"
_WORDS = pa.schema({"field": pa.int32(), "value": pa.string(), "count": pa.int64()})


class ArrayWriter:
    """Writes an ``.npy`` file in pieces, and its checksum. A context manager.

    Args:
        path: of the file.
        dtype: of the array.
        shape: of the whole array.
    """

    def __init__(self, path: Path, dtype: Any, shape: tuple[int, ...]):
        self.dtype, self._shape, self._rows = np.dtype(dtype), shape, 0
        self._hash = start_checksum(self.dtype, shape)
        self._file = open(path, "xb")
        about = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, about)

    def append(self, piece: NDArray[Any]) -> None:
        """Add rows."""
        content = np.ascontiguousarray(piece, dtype=self.dtype).data
        self._file.write(content)
        self._hash.update(content)
        self._rows += len(piece)

    @property
    def checksum(self) -> str:
        """Of the array, once it is whole; see `recsys.table.click_table.checksum`."""
        if self._rows != self._shape[0]:
            raise RuntimeError(f"{self._file.name}: {self._rows} rows instead of {self._shape[0]}")
        return self._hash.hexdigest()

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


class VocabularyWriter:
    """Writes the vocabularies of the fields one after the other."""

    def __init__(self, path: Path):
        self._writer = pq.ParquetWriter(path, _WORDS)

    def append(self, number: int, values: pa.Array, counts: NDArray[np.int64]) -> None:
        """Add the vocabulary of a field, in order of its ids."""
        for start in range(0, len(values), 1 << 20):
            piece = values.slice(start, 1 << 20).cast(pa.string())
            numbers = pa.array(np.full(len(piece), number, np.int32))
            found = pa.array(counts[start : start + len(piece)])
            self._writer.write_table(pa.table([numbers, piece, found], schema=_WORDS))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def array_name(number: int) -> str:
    """File of the ids of a field."""
    return f"{number:02}.npy"


def open_table(folder: Path) -> ClickTable:
    """Open a table; see `ClickTable.open`."""
    about = read_about(folder)
    try:
        fields = tuple(
            Field(one["name"], one["size"], Kind(one["kind"]), one["width"])
            for one in about["fields"]
        )
        files = {field.name: array_name(number) for number, field in enumerate(fields)}
        files |= {LABEL: "label.npy", PART: "part.npy"}
        if USERS in about["checksums"]:
            files[USERS] = "users.npy"
        arrays = {
            # a memory map behind a plain array: those are faster to index than `np.memmap`
            name: np.asarray(np.load(folder / file, mmap_mode="r", allow_pickle=False))
            for name, file in files.items()
        }
        if any(len(array) != about["rows"] for array in arrays.values()):
            raise ValueError("arrays of different lengths")
        return ClickTable(
            about["name"], fields, tuple(arrays[field.name] for field in fields),
            arrays[LABEL], arrays[PART], arrays.get(USERS),
            Origin(folder, arrays, about["checksums"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, OSError) as error:
        why = " ".join(str(error).split())[:120]
        raise UserError(f"{folder}: a damaged table ({why}); remove it and build it anew") from None


def read_about(folder: Path) -> dict[str, Any]:
    """The content of a table's ``table.json``.

    Raises:
        UserError: there is none, or of a format that is not known.
    """
    path = folder / ABOUT
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{folder}: not a click table ({error.strerror}: {ABOUT})") from None
    except ValueError:
        raise UserError(f"{path}: damaged; remove the table and build it anew") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(f"{path}: not a table of format {FORMAT}; build it anew")
    return about


def read_vocabulary(folder: Path, number: int) -> pa.Array:
    """Values of a field in order of their ids, which count from 1 here.

    Args:
        folder: of the table.
        number: of the field.
    """
    words = pq.read_table(
        folder / VOCABULARY, columns=["value"], filters=[("field", "=", number)]
    )
    return words["value"].combine_chunks()
