import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphforget.core.errors import UserError
from graphforget.exact.formulas import deletions_to_first_dark, deletions_to_last_dark
from graphforget.exact.orders import (
    consecutive_rotations,
    matched_orders,
    sampled_orders,
    score,
    spaced_rotations,
)
from graphforget.exact.plan import Plan


def zipf(length):
    weight = 1 / np.arange(1, length + 1)
    return weight / weight.sum()


@pytest.mark.parametrize("rotations", [consecutive_rotations, spaced_rotations])
@settings(deadline=None)
@given(st.integers(1, 7), st.integers(1, 130))
def test_rotations_are_different_orders_that_begin_differently(rotations, slices, orders):
    orders = min(orders, math.factorial(slices))
    found = rotations(slices, orders)
    assert len(found) == orders == len(set(found))
    assert all(sorted(order) == list(range(slices)) for order in found)
    assert len({order[0] for order in found}) == min(orders, slices)
    firsts = np.bincount([order[0] for order in found], minlength=slices)
    assert firsts[firsts > 0].max() - firsts[firsts > 0].min() <= 1
    if orders <= slices:  # every slice at most once at a position
        assert all(len(set(column)) == orders for column in zip(*found, strict=True))


@settings(deadline=None)
@given(st.integers(1, 5))
def test_all_orders_are_reached(slices):
    wanted = set(permutations(range(slices)))
    assert set(spaced_rotations(slices, len(wanted))) == wanted


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=7))
def test_matching_gives_a_latin_square_and_the_best_of_it(weights):
    prior = np.array(weights) / sum(weights)
    square = matched_orders(prior, orders=len(prior))
    for column in zip(*square, strict=True):
        assert sorted(column) == list(range(len(prior)))
    scores = [score(order, prior, len(prior)) for order in square]
    assert scores == sorted(scores, reverse=True)
    assert matched_orders(prior, orders=2) == square[:2]


def test_matching_lives_as_long_as_the_specified_figures():
    plan = Plan.chains(4, 8, matched_orders(zipf(8), orders=2))
    assert deletions_to_last_dark(plan, zipf(8)) == pytest.approx(223, rel=0.02)
    assert deletions_to_first_dark(plan, zipf(8)) == pytest.approx(47.5, rel=0.02)
    one = Plan.chains(4, 4, matched_orders(zipf(4), orders=1))
    assert one.paths[0] == (3, 2, 1, 0)
    assert deletions_to_last_dark(one, zipf(4)) == pytest.approx(68, rel=0.03)
    assert deletions_to_first_dark(one, zipf(4)) == pytest.approx(8.3, rel=0.02)


def test_sampled_orders_put_risky_slices_last_and_follow_the_seed():
    prior = [0.9, 0.05, 0.05]
    assert sampled_orders(prior, 4, seed=1) == sampled_orders(prior, 4, seed=1)
    firsts = [sampled_orders(prior, 1, seed=seed)[0][0] for seed in range(300)]
    assert np.mean(np.array(firsts) == 0) == pytest.approx(0.1 / 2, abs=0.04)
    assert len(set(sampled_orders([0.25] * 4, 24, seed=0))) == 24


@pytest.mark.parametrize("prior", [[], [0.5, 0.6], [-0.5, 1.5], [[1.0]], [float("nan"), 1.0]])
def test_a_prior_that_is_none_is_refused(prior):
    with pytest.raises(UserError, match="prior: wanted a probability for each slice"):
        matched_orders(prior, 1)
