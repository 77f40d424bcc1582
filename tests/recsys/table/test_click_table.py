"""A click table hands out ids, labels and parts, and is known by its content."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from graphforget.core.errors import UserError
from recsys.table import NO_PART, ClickTable, Kind, Part


def table(**changes) -> ClickTable:
    given = {
        "columns": {
            "user": np.array([1, 2, 300, 0]),
            "genres": np.array([[1, 2], [3, 0], [0, 0], [2, 1]]),
            "item": np.array([70_000, 1, 2, 3]),
        },
        "label": [1, 0, 1, 0],
        "part": [Part.TRAIN, Part.VAL, Part.TEST, Part.TRAIN],
    } | changes
    return ClickTable.from_arrays("toy", **given)


def test_columns_are_narrow_and_taken_side_by_side():
    toy = table()
    assert [column.dtype for column in toy.columns] == [np.uint16, np.uint8, np.uint32]
    assert [field.width for field in toy.fields] == [1, 2, 1]
    assert toy.fields[1].kind is Kind.MULTI
    taken = toy.take([2, 0])
    assert taken.dtype == torch.int64
    assert taken.tolist() == [[300, 0, 0, 2], [1, 1, 2, 70_000]]
    assert torch.equal(toy.take(slice(None)), toy.take(np.arange(4)))
    assert torch.equal(toy.take(torch.tensor([3])), toy.take([3]))
    assert toy.labels([0, 3]).tolist() == [1.0, 0.0]


def test_parts_divide_the_rows_but_for_those_that_are_in_none():
    toy = table(part=[Part.TRAIN, NO_PART, Part.VAL, Part.TEST])
    assert [toy.rows(part).tolist() for part in Part] == [[0], [2], [3]]


def test_only_takes_fields_in_the_order_asked_for_without_copies():
    toy = table()
    few = toy.only(["item", "user"])
    assert [field.name for field in few.fields] == ["item", "user"]
    assert few.take([0]).tolist() == [[70_000, 1]]
    assert few.columns[1] is toy.columns[0]
    with pytest.raises(UserError, match="no field 'age'"):
        toy.only(["age"])
    with pytest.raises(UserError, match="no field"):
        toy.only([])


def test_the_digest_follows_the_content_and_nothing_else():
    toy = table()
    same = table(columns={key: value.astype(np.int32) for key, value in {
        "user": np.array([1, 2, 300, 0]), "genres": np.array([[1, 2], [3, 0], [0, 0], [2, 1]]),
        "item": np.array([70_000, 1, 2, 3])}.items()})
    assert toy.digest == same.digest == replace(toy, name="other").digest
    others = [
        table(label=[1, 0, 1, 1]),
        table(part=[0, 1, 2, 2]),
        table(sizes={"user": 400}),
        table(users=[0, 0, 1, 1]),
        toy.only(["user", "item"]),
        toy.only(["item", "genres", "user"]),
    ]
    assert len({toy.digest, *(other.digest for other in others)}) == 1 + len(others)


def test_arrays_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        table().label[0] = 0


def test_a_table_in_memory_travels_whole():
    toy = table(users=[5, 5, 6, 6])
    back = pickle.loads(pickle.dumps(toy))
    assert back.digest == toy.digest
    assert back.users.tolist() == [5, 5, 6, 6]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": [0, 1, 2, 0]}, "label must be one of 0, 1, row 3 has"),
        ({"label": [0, 1, float("nan"), 0]}, "row 3 has"),
        ({"part": [0, 1, 7, 0]}, "part must be one of 0, 1, 2, 255, row 3"),
        ({"label": [0, 1, 0]}, "'user' has 4 rows, label 3"),
        ({"users": [1, 2]}, "'users' has 2 rows, label 4"),
        ({"columns": {"user": np.array([0, -1, 0, 0])}}, "'user' must be ids from 0"),
        ({"columns": {"user": np.array([0.5, 0, 0, 0])}}, "float64"),
        ({"sizes": {"user": 300}}, "'user' has the id 300, its size is 300"),
        ({"columns": {}}, "no field"),
    ],
)
def test_arrays_that_do_not_fit_are_named(changes, message):
    with pytest.raises(UserError, match=message):
        table(**changes)
