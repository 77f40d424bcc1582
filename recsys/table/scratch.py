"""The source, read and checked once, column by column: what a table is built of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from graphforget.core.errors import UserError
from recsys.table.cells import TYPES, Cells, clicks, field_cells, numbers, texts
from recsys.table.field import Kind
from recsys.table.schema import Schema
from recsys.table.source import CHUNK_ROWS, Chunk, Source

LABEL, SPLIT, USER = "label", "split", "user"  # fields go by their numbers


@dataclass(frozen=True)
class Scratch:
    """A Parquet file with the cells of every field, the label, and what the split reads."""

    path: Path
    rows: int
    kinds: pa.Schema

    def column(self, name: str) -> Iterator[pa.Array]:
        """Cells of a column in pieces; texts come dictionary-encoded.

        Args:
            name: number of a field, as a text, or `LABEL`, `SPLIT` or `USER`.
        """
        coded = [name] if pa.types.is_string(self.kinds.field(name).type) else None
        with pq.ParquetFile(self.path, read_dictionary=coded) as file:
            for batch in file.iter_batches(CHUNK_ROWS, columns=[name], use_threads=False):
                yield batch.column(0)


def write_scratch(source: Source, schema: Schema, path: Path) -> Scratch:
    """Read a source once, with a progress bar, and check every cell of it.

    Args:
        source: of the rows.
        schema: which columns are wanted, and in which form.
        path: of the file to be written.

    Raises:
        UserError: naming file, column and row of what is wrong; or there is no row.
    """
    kinds = _types(schema)
    rows = 0
    bar = tqdm(total=100, desc=f"reading {Path(source.place).name}", unit="%", disable=None)
    with bar, pq.ParquetWriter(path, kinds, compression="lz4") as writer:
        for chunk in source.chunks():
            writer.write_batch(pa.record_batch(_checked(chunk, schema), kinds))
            rows += chunk.batch.num_rows
            bar.update(round(100 * chunk.done) - bar.n)
    if not rows:
        raise UserError(f"{source.place}: it has no rows")
    return Scratch(path, rows, kinds)


def _types(schema: Schema) -> pa.Schema:
    types = {str(number): TYPES[column.kind] for number, column in enumerate(schema.columns)}
    types[LABEL] = pa.uint8()
    if schema.split.column is not None:
        kind = Kind.NUMERICAL if schema.split.of_numbers else Kind.CATEGORICAL
        types[SPLIT] = TYPES[kind]
    if schema.user is not None:
        types[USER] = TYPES[Kind.CATEGORICAL]
    return pa.schema(types)


def _checked(chunk: Chunk, schema: Schema) -> list[pa.Array]:
    arrays = [field_cells(Cells.of(chunk, field.column), field) for field in schema.columns]
    arrays.append(pa.array(clicks(Cells.of(chunk, schema.label.column), schema.label)))
    if schema.split.column is not None:
        cells = Cells.of(chunk, schema.split.column)
        if schema.split.of_numbers:
            wanted = "numbers, by which the split goes; write times so, or take another split"
            values, missing = numbers(cells, wanted)
            if missing.any():
                cells.refuse(int(missing.argmax()), wanted)
            arrays.append(pa.array(values))
        else:
            arrays.append(texts(cells))
    if schema.user is not None:
        cells = Cells.of(chunk, schema.user)
        users = texts(cells)
        if users.null_count:
            cells.refuse(int(users.is_null().index(True).as_py()), "filled in every row")
        arrays.append(users)
    return arrays
