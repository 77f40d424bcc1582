"""Agreement of rankings, and where planted fields stand in one."""

from __future__ import annotations

import numpy as np
import pytest

from graphforget.core.errors import UserError
from recsys.board.memory import leading_fields, share_of_rows
from recsys.board.planted import recovery
from recsys.board.stability import jaccard, kendall, nogueira, top


def test_one_swap_of_neighbours_costs_one_pair():
    tau = kendall([list("abcde"), list("abdce")])
    assert tau == pytest.approx(1 - 2 / 10)  # 10 pairs, one of them turned round


def test_means_are_over_all_pairs_of_seeds():
    rankings = [list("abc"), list("abc"), list("cba")]
    assert kendall(rankings) == pytest.approx((1 - 1 - 1) / 3)
    assert jaccard(rankings, 1) == pytest.approx(1 / 3)


def test_one_seed_has_no_stability():
    assert np.isnan([kendall([list("ab")]), jaccard([list("ab")], 1), nogueira([[1, 0]])]).all()


def test_random_sets_have_no_stability_and_equal_ones_full():
    generator = np.random.default_rng(0)
    sets = np.array([generator.permutation(20) < 8 for _ in range(400)])
    assert nogueira(sets) == pytest.approx(0, abs=0.01)
    assert nogueira(np.repeat(sets[:1], 5, axis=0)) == 1


def test_nogueira_does_not_grow_with_the_number_chosen():
    """Unlike the Jaccard index, which is why both are shown."""
    generator = np.random.default_rng(0)
    for k in (2, 18):
        rankings = [list(map(str, generator.permutation(20))) for _ in range(40)]
        assert nogueira(top(rankings, k)) == pytest.approx(0, abs=0.1)
    assert jaccard(rankings, 18) > 0.75


def test_rankings_of_other_fields_are_refused():
    with pytest.raises(UserError, match="the same fields"):
        kendall([list("ab"), list("ac")])


def test_recovery_tells_a_copy_from_noise():
    planted = {"relevant": ["a", "b"], "redundant": ["copy"], "irrelevant": ["n1", "n2"]}
    early_copy = recovery(["a", "copy", "b", "n1", "n2"], **planted)
    assert early_copy.found == 0.5 and not early_copy.first
    assert early_copy.noise_auc == 1 and early_copy.noise_rank == 4.5
    late = recovery(["n1", "n2", "copy", "b", "a"], **planted)
    assert late.noise_auc == 0 and late.found == 0


def test_leading_fields_stop_at_the_first_that_does_not_fit():
    rows = {"small": 1, "large": 90, "medium": 9}
    assert leading_fields(["small", "large", "medium"], rows, 0.25) == 1
    assert leading_fields(["small", "medium", "large"], rows, 0.25) == 2
    assert leading_fields(["small", "medium", "large"], rows, 1.0) == 3
    assert share_of_rows(["small", "medium"], rows) == 0.1
