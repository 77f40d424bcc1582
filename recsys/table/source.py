"""Where rows come from: files or tables, read in chunks."""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from graphforget.core.errors import UserError

CHUNK_BYTES = 16 << 20
CHUNK_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some consecutive rows of a source."""

    batch: pa.RecordBatch
    place: str
    """The file, for messages."""
    first: int
    """Rows of the file before these."""
    done: float
    """Share of the source that has been read with this chunk, from 0 to 1."""


class Source(ABC):
    """Rows that can be read in chunks, once or again."""

    @property
    @abstractmethod
    def place(self) -> str:
        """What to call the source in a message."""

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """The rows in their order.

        Raises:
            UserError: naming the file, and the row where one is to blame.
        """


@dataclass(frozen=True)
class CsvSource(Source):
    """Text files with a delimiter, one after the other; ``.gz``, ``.bz2`` and ``.zst`` too.

    All cells are read as texts; an empty cell is missing.

    Args:
        files: all with the same columns.
        delimiter: one character.
        names: of the columns, where the files have no header.
        quoted: cells may stand in double quotes, and then hold delimiters and line breaks.
    """

    files: tuple[Path, ...]
    delimiter: str = ","
    names: tuple[str, ...] = ()
    quoted: bool = True

    @property
    def place(self) -> str:
        return str(self.files[0]) if len(self.files) == 1 else str(self.files[0].parent)

    def chunks(self) -> Iterator[Chunk]:
        size, before, columns = sum(map(_size, self.files)), 0, None
        for file in self.files:
            first = 0
            with pa.OSFile(str(file)) as raw:
                for batch in self._batches(file, raw):
                    columns = columns or batch.schema.names
                    if batch.schema.names != columns:
                        raise UserError(f"{file}: its columns are not those of {self.files[0]}")
                    done = (before + raw.tell()) / max(1, size)
                    yield Chunk(batch, str(file), first, min(1.0, done))
                    first += batch.num_rows
            before += _size(file)

    def _batches(self, file: Path, raw: pa.OSFile) -> Iterator[pa.RecordBatch]:
        try:
            yield from pa.csv.open_csv(
                _unpacked(file, raw),
                pa.csv.ReadOptions(
                    use_threads=False,  # only then do errors name the row
                    block_size=CHUNK_BYTES,
                    column_names=list(self.names) or None,
                ),
                pa.csv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char='"' if self.quoted else False,
                    newlines_in_values=self.quoted,
                ),
                pa.csv.ConvertOptions(
                    column_types=_all_texts(file, self),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    null_values=[""],
                ),
            )
        except (pa.ArrowException, OSError) as error:
            _unreadable(file, error)


@dataclass(frozen=True)
class ParquetSource(Source):
    """Parquet files, one after the other.

    Args:
        files: all with the same columns.
    """

    files: tuple[Path, ...]

    @property
    def place(self) -> str:
        return str(self.files[0]) if len(self.files) == 1 else str(self.files[0].parent)

    def chunks(self) -> Iterator[Chunk]:
        for number, file in enumerate(self.files):
            first = 0
            _size(file)
            try:
                with pa.parquet.ParquetFile(file) as opened:
                    rows = max(1, opened.metadata.num_rows)
                    for batch in opened.iter_batches(CHUNK_ROWS):
                        done = (number + (first + batch.num_rows) / rows) / len(self.files)
                        yield Chunk(batch, str(file), first, done)
                        first += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                _unreadable(file, error, "is it complete?")


@dataclass(frozen=True, eq=False)
class TableSource(Source):
    """A table in memory, as readers of small data sets make it.

    Args:
        table: the rows.
        name: for messages.
    """

    table: pa.Table
    name: str

    @property
    def place(self) -> str:
        return self.name

    def chunks(self) -> Iterator[Chunk]:
        first = 0
        for batch in self.table.to_batches(CHUNK_ROWS):
            yield Chunk(batch, self.name, first, (first + batch.num_rows) / len(self.table))
            first += batch.num_rows


def header(file: Path, delimiter: str) -> list[str]:
    """The cells of the first line of a text file, compressed or not.

    Raises:
        UserError: the file is missing, empty or damaged.
    """
    _size(file)
    try:
        with pa.OSFile(str(file)) as raw:
            line = _unpacked(file, raw).read(1 << 20).split(b"\n", 1)[0]
        text = line.decode().removeprefix("\ufeff").rstrip("\r")
    except (pa.ArrowException, OSError) as error:
        _unreadable(file, error)
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    if not text:
        raise UserError(f"{file}: its first line is empty; a header is wanted")
    return next(csv.reader([text], delimiter=delimiter))


def _all_texts(file: Path, source: CsvSource) -> dict[str, pa.DataType]:
    names = source.names or header(file, source.delimiter)
    return dict.fromkeys(names, pa.string())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path") from None


def _unpacked(file: Path, raw: pa.OSFile) -> pa.NativeFile:
    packing = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}.get(file.suffix)
    return pa.CompressedInputStream(raw, packing) if packing else raw


def _unreadable(
    file: Path, error: Exception, hint: str = "is it complete, and is the delimiter right?"
) -> NoReturn:
    why = re.sub(r"[Rr]ow #(\d+)", r"line \1", " ".join(str(error).split()))[:200]
    raise UserError(f"{file}: cannot be read to its end ({why}); {hint}") from None
