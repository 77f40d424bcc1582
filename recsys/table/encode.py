"""New rows in the ids of a table that is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from graphforget.core.errors import UserError
from recsys.table.cells import Cells, field_cells
from recsys.table.click_table import ClickTable
from recsys.table.encoder import bucket_keys, side_by_side
from recsys.table.field import Kind
from recsys.table.schema_file import parse_discretization, read_schema
from recsys.table.source import Source
from recsys.table.stored import read_about, read_vocabulary
from recsys.table.vocabulary import look_up


def encode(table: ClickTable, source: Source) -> Tensor:
    """Ids of new rows, as `ClickTable.take` gives those of the table's own.

    A value that the table does not know gets row 0, as it does in the validation and test parts.

    Args:
        table: one that lies in a folder, or a part of its fields.
        source: of the new rows; it needs the columns of the fields, but no label.

    Returns:
        Shape ``(B, C)`` int64.

    Raises:
        UserError: the table is in memory only, there are no rows, or a column is missing or of the
            wrong form.
    """
    if table.origin is None:
        raise UserError(f"table {table.name!r}: it has no folder, so its vocabulary is not known")
    folder = table.origin.folder
    about, schema = read_about(folder), read_schema(Path(folder) / "schema.yaml")
    chunks = list(source.chunks())
    if not chunks:
        raise UserError(f"{source.place}: it has no rows")
    place = {column.name: number for number, column in enumerate(schema.columns)}
    ids = []
    for field in table.fields:
        column = schema.columns[place[field.name]]
        vocabulary = read_vocabulary(folder, place[field.name])
        cells = (field_cells(Cells.of(chunk, column.column), column) for chunk in chunks)
        if field.kind is Kind.MULTI:
            ids.append(np.concatenate(list(side_by_side(vocabulary, cells, field.width))))
            continue
        if field.kind is Kind.NUMERICAL:
            buckets = parse_discretization(about["buckets"][field.name])
            vocabulary = vocabulary.cast("int64")
            cells = (bucket_keys(buckets, piece) for piece in cells)
        ids.append(np.concatenate(list(look_up(vocabulary, cells)))[:, None])
    return torch.from_numpy(np.concatenate(ids, axis=1).astype(np.int64))
