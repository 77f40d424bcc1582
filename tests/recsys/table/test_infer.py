"""Guesses about a user's columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from graphforget.core.errors import UserError
from recsys.table import (
    AtRandom,
    ByTime,
    Given,
    Kind,
    Quantiles,
    TableSource,
    infer_schema,
)  # fmt: skip

GENRES = ["Action|Drama", "Drama", "Comedy|Drama", "Action", "Comedy|Action", "Drama|War"] * 10
COLUMNS = {
    "user_id": [f"u{number % 9}" for number in range(60)],
    "item": [str(number % 7) for number in range(60)],
    "price": [str(number / 4) for number in range(60)],
    "genres": GENRES,
    "title": [f"The Film {number}" for number in range(60)],
    "Click": ["0", "1"] * 30,
}


def infer(label=None, **more):
    return infer_schema(TableSource(pa.table(COLUMNS | more), "mine.csv"), label=label)


def test_kinds():
    columns = {column.name: column for column in infer().columns}
    assert list(columns) == ["user_id", "item", "price", "genres", "title"]
    assert columns["price"].buckets == Quantiles(32)
    assert (columns["genres"].kind, columns["genres"].separator) == (Kind.MULTI, "|")
    assert {columns[name].kind for name in ("user_id", "item", "title")} == {Kind.CATEGORICAL}


def test_label_user_and_split():
    schema = infer()
    assert (schema.label.column, schema.user, schema.split) == ("Click", "user_id", AtRandom())
    assert infer(timestamp=list(range(60))).split == ByTime("timestamp")
    assert "timestamp" not in [one.name for one in infer(timestamp=list(range(60))).columns]
    assert infer(split=["train"] * 60).split == Given("split")
    assert infer(label="item").label.column == "item"


def test_no_label():
    with pytest.raises(UserError, match="mine.csv: column 'bought' is missing; it has 'user_id'"):
        infer(label="bought")
    with pytest.raises(UserError, match="a label called label, click.* is missing.* delimiter"):
        infer_schema(TableSource(pa.table({"user;item": ["1;2"]}), "mine.csv"))
    with pytest.raises(UserError, match="mine.csv: beside label it has no column"):
        infer_schema(TableSource(pa.table({"label": [0, 1]}), "mine.csv"))
    with pytest.raises(UserError, match="no rows"):
        infer_schema(TableSource(pa.table({"label": []}), "mine.csv"))


def test_names_that_differ_in_their_case_are_two_columns_and_the_same_name_twice_is_none():
    more = {"Item": [str(number % 4) for number in range(60)], "click": ["1", "0"] * 30}
    schema = infer(**more)
    assert [one.name for one in schema.columns][-2:] == ["Item", "click"]
    assert "item" in [one.name for one in schema.columns] and schema.label.column == "Click"
    twice = pa.table([["a"], ["b"], ["1"]], names=["item", "item", "label"])
    with pytest.raises(UserError, match="mine.csv: column 'item' is there more than once"):
        infer_schema(TableSource(twice, "mine.csv"))


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_texts_are_guessed_alike_in_whatever_type_a_frame_wrote_them(kind):
    given = pa.table(COLUMNS)
    other = pa.table({name: given[name].cast(kind) for name in given.column_names})
    assert infer_schema(TableSource(other, "mine.parquet")).columns == infer().columns
