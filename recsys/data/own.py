"""A user's own file: CSV or Parquet, with a schema that is guessed once and then theirs."""

from __future__ import annotations

import warnings
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from recsys.table import CsvSource, ParquetSource, Schema, Source, infer_schema, read_schema
from recsys.table.infer import guess_delimiter
from recsys.table.schema_file import schema_text

TEXTS = (".csv", ".tsv", ".txt")
PACKED = (".gz", ".bz2", ".zst")


def own_source(file: Path, schema: Schema | None = None) -> tuple[Source, Schema]:
    """The rows of a file and what they are.

    Where no schema is given, it is read from ``FILE.schema.yaml`` beside the file; where there is
    none, it is inferred from the first rows and written there, to be edited.

    Args:
        file: ``.csv``, ``.tsv`` or ``.txt``, maybe compressed, or ``.parquet``.
        schema: what the columns are.

    Raises:
        UserError: the file is missing or of another kind, or nothing can be inferred.
    """
    source = _source(file, schema.delimiter if schema else None)
    if schema is not None:
        return source, schema
    beside = file.with_name(f"{file.name}.schema.yaml")
    if beside.is_file():
        schema = read_schema(beside)
        return _source(file, schema.delimiter), schema
    if isinstance(source, CsvSource):
        schema = infer_schema(source, source.delimiter)
    else:
        schema = infer_schema(source)
    try:
        write_atomically(beside, schema_text(schema))
    except OSError as error:
        warnings.warn(
            f"{beside}: the inferred schema cannot be kept there ({error.strerror})", stacklevel=2
        )
    return source, schema


def _source(file: Path, delimiter: str | None) -> Source:
    if not file.is_file():
        raise UserError(f"{file}: wanted a CSV or Parquet file; check the path")
    kind = Path(file.stem).suffix if file.suffix in PACKED else file.suffix
    if kind == ".parquet":
        return ParquetSource((file,))
    if kind in TEXTS:
        return CsvSource((file,), delimiter or guess_delimiter(file))
    raise UserError(f"{file}: wanted a file called {', '.join(TEXTS)} or .parquet, got {kind!r}")
