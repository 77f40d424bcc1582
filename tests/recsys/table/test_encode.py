"""New rows get the ids that the same values have in the table."""

from __future__ import annotations

import pyarrow as pa
import pytest
import torch

from graphforget.core.errors import UserError
from recsys.table import (
    Calendar,
    Column,
    CsvSource,
    InOrder,
    Kind,
    Quantiles,
    Schema,
    SquaredLog,
    TableSource,
    build_table,
    encode,
    planted_table,
)  # fmt: skip

FRAME = pa.table({
    "city": [f"c{row % 9}" for row in range(100)],
    "count": [row * row % 50 for row in range(100)],
    "price": [row / 7 for row in range(100)],
    "tags": [["a", "b", "c"][: row % 4] for row in range(100)],
    "time": [881250949 + 5000 * row for row in range(100)],
    "label": [0, 1] * 50,
})
SCHEMA = Schema(
    (
        Column("city"),
        Column("count", Kind.NUMERICAL, buckets=SquaredLog()),
        Column("price", Kind.NUMERICAL, buckets=Quantiles(6)),
        Column("tags", Kind.MULTI),
        Column("hour", source="time", calendar=Calendar.HOUR),
    ),
    split=InOrder(),
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encode") / "table"
    return build_table(TableSource(FRAME, "frame"), SCHEMA, folder)


def test_the_rows_of_the_table_get_their_own_ids(table):
    rows = TableSource(FRAME.drop_columns(["label"]), "new")
    assert torch.equal(encode(table, rows), table.take(slice(None)))
    few = table.only(["price", "city"])
    assert torch.equal(encode(few, rows), few.take(slice(None)))


def test_what_is_not_known_gets_row_0(table):
    new = pa.table({
        "city": ["nowhere", None], "count": [10**9, None], "price": [3.0, None],
        "tags": [["z", "a"], None], "time": [881250949, None],
    })  # fmt: skip
    ids = encode(table, TableSource(new, "new"))
    assert ids[0, :2].tolist() == [0, 0]
    assert ids[0, 3] == 0 and ids[0, 4] > 0
    assert ids[1].tolist() == [0] * ids.size(1)


def test_a_missing_column_and_a_table_in_memory(table):
    with pytest.raises(UserError, match="new: column 'price' is missing"):
        encode(table, TableSource(FRAME.drop_columns(["price"]), "new"))
    with pytest.raises(UserError, match="'planted': it has no folder"):
        encode(planted_table(40).table, TableSource(FRAME, "new"))


def test_no_rows(table, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("city,count,price,tags,time\n")
    with pytest.raises(UserError, match="new.csv: it has no rows"):
        encode(table, CsvSource((path,)))
