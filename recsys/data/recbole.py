"""RecBole's atomic files: tab-separated tables whose header says ``name:type``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from graphforget.core.errors import UserError
from recsys.table import CsvSource
from recsys.table.source import header

TYPES = ("token", "float", "token_seq", "float_seq")


def shipped(name: str) -> Path | None:
    """Folder of a data set inside the installed ``recbole`` package, which is not imported.

    Args:
        name: of the data set, such as ``ml-100k``.
    """
    found = importlib.util.find_spec("recbole")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "dataset_example" / name
    return folder if (folder / f"{name}.inter").is_file() else None


def read_atomic(file: Path) -> pa.Table:
    """Read one ``.inter``, ``.user`` or ``.item`` file; columns lose the type in their names.

    All cells are texts, sequences too, since a chosen schema says what they are.

    Raises:
        UserError: naming the file and the column, or the row, that is wrong.
    """
    names = []
    for cell in header(file, "\t"):
        name, _, kind = cell.partition(":")
        if not name or kind not in TYPES:
            raise UserError(
                f"{file}: column {cell!r} must be called name:type, with a type out of "
                f"{', '.join(TYPES)}"
            )
        names.append(name)
    chunks = CsvSource((file,), "\t", quoted=False).chunks()
    batches = [chunk.batch for chunk in chunks]
    if not batches:
        raise UserError(f"{file}: it has no rows")
    return pa.Table.from_batches(batches).rename_columns(names)


def read_joined(folder: Path) -> pa.Table:
    """The interactions of a data set with what is known of their users and items.

    Args:
        folder: with ``NAME.inter``, where ``NAME`` is the folder's, and maybe ``NAME.user`` and
            ``NAME.item``.

    Raises:
        UserError: a file is missing or damaged, or names a user or an item twice.
    """
    table = read_atomic(folder / f"{folder.name}.inter")
    for kind in ("user", "item"):
        file = folder / f"{folder.name}.{kind}"
        if file.is_file():
            about = read_atomic(file)
            key = f"{kind}_id"
            for where, columns in ((file, about), (folder, table)):
                if key not in columns.column_names:
                    raise UserError(f"{where}: column {key!r} is missing")
            if len(about[key].unique()) < len(about):
                raise UserError(f"{file}: column {key!r} names a {kind} twice")
            table = join(table, about, key)
    return table


def join(table: pa.Table, about: pa.Table, key: str) -> pa.Table:
    """Add to each row what another table knows of its key; the order of the rows stays.

    Args:
        table: the rows.
        about: one row a key.
        key: a column of both.
    """
    places = pc.index_in(table[key], value_set=about[key].combine_chunks())
    known = about.drop_columns([key]).take(places)
    for name in known.column_names:
        table = table.append_column(name, known[name])
    return table
