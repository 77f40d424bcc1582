"""An interaction log is a graph to everything that forgets, and speaks of users and items."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.core.neighborhood import induced
from graphforget.request import ForgetRequest
from graphforget.task.links import random_pairs
from graphforget.trained import Trained
from recsys.interactions import Interactions


def small() -> Interactions:
    """Three users, four items; user 0 has an item held out in each part."""
    return Interactions.of(
        torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, 2, 3]]),
        num_users=3,
        num_items=4,
        val=torch.tensor([[0], [2]]),
        test=torch.tensor([[0, 2], [3, 0]]),
        times=torch.tensor([10, 20, 30, 40, 50]),
        attributes={"gender": torch.tensor([1, 2, 1])},
        name="small",
    )


def test_pairs_come_back_as_they_went_in() -> None:
    log = small()
    assert log.pairs.tolist() == [[0, 0, 1, 1, 2], [0, 1, 1, 2, 3]]
    assert (log.num_users, log.num_items) == (3, 4)
    assert log.test_pairs.tolist() == [[0, 2], [3, 0]]
    assert log.attributes["gender"].tolist() == [1, 2, 1]


def test_each_direction_of_an_edge_carries_the_time_of_the_pair() -> None:
    log = small()
    times = dict(zip(map(tuple, log.edge_index.t().tolist()), log.edge_time.tolist(), strict=True))
    assert times[0, 3 + 1] == times[3 + 1, 0] == 20


def test_a_repeated_pair_counts_once_with_its_first_time() -> None:
    log = Interactions.of(torch.tensor([[0, 0], [0, 0]]), 1, 1, times=torch.tensor([7, 9]))
    assert log.pairs.tolist() == [[0], [0]]
    assert log.edge_time.tolist() == [7, 7]


def test_forgetting_a_user_takes_his_pairs_everywhere_and_his_attributes() -> None:
    log, request = small(), ForgetRequest("user", [0])
    left = request.retained(log)
    assert isinstance(left, Interactions)
    assert left.pairs.tolist() == [[1, 1, 2], [1, 2, 3]]
    assert left.val_pairs.tolist() == [[], []]
    assert left.test_pairs.tolist() == [[2], [0]]
    assert left.attributes["gender"].tolist() == [0, 2, 1]
    assert (left.num_users, left.num_items) == (3, 4)  # ids stay what they were
    assert request.held_by(log) and not request.held_by(left, log)
    assert small().pairs.equal(log.pairs)  # the original is as it was


def test_forgetting_an_item_takes_it_from_everybody() -> None:
    left = ForgetRequest("item", [1]).retained(small())
    assert left.pairs.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_forgetting_an_interaction_leaves_user_and_item() -> None:
    log, request = small(), ForgetRequest("interaction", [[1, 2], [0, 3]])
    left = request.retained(log)
    assert left.pairs.tolist() == [[0, 0, 1, 2], [0, 1, 1, 3]]
    assert left.test_pairs.tolist() == [[2], [0]]
    assert request.held_by(log) and not request.held_by(left)


def test_an_interaction_has_an_order_that_an_edge_has_not() -> None:
    left = ForgetRequest("interaction", [[1, 0]]).retained(small())
    assert left.pairs.equal(small().pairs)  # user 1 never took item 0, user 0 took item 1


@pytest.mark.parametrize(
    ("kind", "index", "wanted"),
    [
        ("user", [3], "users below 3"),
        ("item", [0, 4], "items below 4"),
        ("interaction", [[0, 4]], "items below 4"),
        ("interaction", [[2, 1], [1, 1]], r"1 of 2 pairs are not .*, the first is \[2, 1\]"),
    ],
)
def test_what_is_not_there_is_refused_in_words_of_the_log(
    kind: str, index: list, wanted: str
) -> None:
    with pytest.raises(UserError, match=wanted):
        ForgetRequest(kind, index).check(small())


def test_pairs_that_are_not_there_may_be_let_pass() -> None:
    ForgetRequest("interaction", [[2, 1]]).check(small(), missing=True)


def test_a_graph_still_knows_no_users(tiny_graph) -> None:
    with pytest.raises(UserError, match="use the recsys command"):
        ForgetRequest("user", [0]).check(tiny_graph)


def test_random_pairs_join_users_and_items_in_a_cut_graph_too() -> None:
    part = induced(small(), torch.tensor([1, 2, 4, 5, 6]))
    pairs = random_pairs(part, 200, torch.Generator().manual_seed(0))
    assert set(pairs[0].tolist()) == {0, 1}
    assert set(pairs[1].tolist()) == {2, 3, 4}


def test_pairs_of_which_one_is_held_out_and_trained_on_are_refused() -> None:
    with pytest.raises(UserError, match=r"not trained on, got \[0, 0\]"):
        Interactions.of(torch.tensor([[0], [0]]), 1, 1, test=torch.tensor([[0], [0]]))


def test_ids_out_of_range_are_refused() -> None:
    with pytest.raises(UserError, match="wanted items from 0 to 3, got 9"):
        Interactions.of(torch.tensor([[0], [9]]), 1, 4)


def test_a_run_folder_gives_the_log_back_as_one(tmp_path) -> None:
    from recsys.learn.bpr import BPRMF
    from recsys.task import Ranking

    log = small()
    trained = BPRMF(width=2, epochs=1).fit(log, Ranking(), seed=0)
    trained.save(tmp_path / "run")
    again = Trained.load(tmp_path / "run")
    assert isinstance(again.data, Interactions)
    assert again.data.name == "small"
    assert again.data.pairs.equal(log.pairs)
    pairs = log.test_pos_edge_index
    assert again.response(pairs).equal(trained.response(pairs))


def test_pairs_held_out_for_two_purposes_are_refused() -> None:
    pairs, held = torch.tensor([[0, 1], [0, 1]]), torch.tensor([[0], [1]])
    with pytest.raises(UserError, match="test pairs: wanted pairs that are not held out"):
        Interactions.of(pairs, 2, 2, val=held, test=held)
