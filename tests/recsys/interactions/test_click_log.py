"""A click log forgets users, items, interactions and a field's values of a user."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from recsys.click_log import ClickLog
from tests.recsys.clicks import small_clicks, small_table


def test_the_rows_are_those_of_the_table() -> None:
    table, log = small_table(), small_clicks()
    assert log.fields == table.fields
    assert log.x.equal(table.take(slice(None)))
    assert log.train_mask.nonzero().flatten().tolist() == table.rows(0).tolist()
    assert (log.row_user - 1).tolist() == table.users.tolist()
    assert log.row_item.tolist() == table.columns[1].tolist()


@pytest.mark.parametrize(
    ("kind", "index", "mine"),
    [
        ("user", [3], lambda log: log.row_user == 4),
        ("item", [5, 6], lambda log: (log.row_item == 5) | (log.row_item == 6)),
        ("interaction", [[3, 1]], lambda log: (log.row_user == 4) & (log.row_item == 1)),
    ],
)
def test_forgotten_rows_are_empty_and_the_others_as_they_were(kind, index, mine) -> None:
    log, request = small_clicks(), ForgetRequest(kind, index)
    request.check(log)
    rows = mine(log)
    assert rows.any()
    left = request.retained(log)
    assert isinstance(left, ClickLog)
    for name in ("x", "row_user", "row_item", "train_mask", "val_mask", "test_mask"):
        assert not left[name][rows].any()
        assert left[name][~rows].equal(log[name][~rows])
    assert (left.y[rows] == -1).all()
    assert left.fields == log.fields
    assert request.held_by(log) and not request.held_by(left, log) and not request.held_by(left)


def test_a_withdrawn_field_leaves_the_rows_to_be_trained_on() -> None:
    log, request = small_clicks(), ForgetRequest("feature", [[3, 2], [4, 1]])
    request.check(log)
    left, three, four = request.retained(log), log.row_user == 4, log.row_user == 5
    assert not left.x[three][:, 2:4].any()  # both columns of the tags
    assert left.x[three][:, :2].equal(log.x[three][:, :2])
    assert not left.x[four][:, 1].any() and left.x[four][:, 2:].equal(log.x[four][:, 2:])
    assert left.y.equal(log.y) and left.train_mask.equal(log.train_mask)
    assert request.nodes(log).tolist() == (three | four).nonzero().flatten().tolist()
    assert request.held_by(log) and not request.held_by(left, log)


@pytest.mark.parametrize(
    ("kind", "index", "wanted"),
    [
        ("user", [3, 99], "no row of the log belongs to 99"),
        ("item", [0], "item 0 stands for items that are not known"),
        ("interaction", [[99, 1]], r"no row of the log belongs to \[99, 1\]"),
        ("feature", [3], "wanted pairs of a user and the place of a field"),
        ("feature", [[3, 3]], "from 0 to 2, got 3; they are user_id, item_id, tags"),
    ],
)
def test_what_is_not_there_is_refused(kind: str, index: list, wanted: str) -> None:
    with pytest.raises(UserError, match=wanted):
        ForgetRequest(kind, index).check(small_clicks())


def test_pairs_in_a_feature_request_are_not_for_graphs(tiny_graph) -> None:
    with pytest.raises(UserError, match="pairs of a user and a field are for click tables"):
        ForgetRequest("feature", [[0, 1]]).check(tiny_graph)


def test_a_pair_may_be_withdrawn_and_a_flat_list_is_another_request() -> None:
    pair = ForgetRequest("feature", torch.tensor([[3], [1]]))
    assert pair.index == ((3, 1),)
    assert pair.digest != ForgetRequest("feature", [1, 3]).digest
    with pytest.raises(UserError, match="wanted whole numbers"):
        ForgetRequest("feature", [[3, 1], 4])
