import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphforget.core.errors import UserError
from graphforget.exact.formulas import retained_depth, training_cost
from graphforget.exact.plan import Plan
from graphforget.exact.subsets import chosen_subsets, every_subset, hit_states, leave_out


@settings(deadline=None)
@given(st.integers(1, 7), st.floats(1, 12))
def test_chosen_subsets_keep_to_the_cost_and_begin_with_all_slices(slices, cost):
    family = chosen_subsets(slices, cost)
    assert family[0] == tuple(range(slices))
    assert len(set(family)) == len(family)
    assert sum(map(len, family)) / slices <= cost + 1e-6


@settings(deadline=None)
@given(st.integers(2, 6), st.floats(1, 6), st.floats(0, 4))
def test_more_money_never_keeps_less(slices, cost, more):
    counts = range(slices + 1)
    little, much = (
        retained_depth(Plan.subsets(1, slices, chosen_subsets(slices, price)), counts).sum()
        for price in (cost, cost + more)
    )
    # The choice is greedy: a little may be lost where more money buys a larger subset earlier.
    assert much >= 0.97 * little


@pytest.mark.parametrize(
    ("slices", "orders", "cost", "kept"),
    [(4, 4, 8, [1, 0.75, 0.56, 0.42, 0.32]), (8, 2, 9, [1, 0.64, 0.52, 0.44, 0.37]),
     (8, 4, 18, [1, 0.75, 0.60, 0.51, 0.43]), (12, 4, 26, [1, 0.79, 0.65, 0.55, 0.47])],
)
def test_they_keep_as_much_as_the_specified_figures_and_more_than_chains(
    slices, orders, cost, kept
):
    plan = Plan.subsets(1, slices, chosen_subsets(slices, cost))
    chains = Plan.chains(1, slices, orders)
    assert training_cost(plan) <= training_cost(chains)
    ours = retained_depth(plan, range(5)) / slices
    assert ours == pytest.approx(kept, abs=0.045)
    assert np.all(ours[2:] > retained_depth(chains, range(5))[2:] / slices)


def test_weights_of_the_first_hit_buy_what_one_hit_leaves():
    once = Plan.subsets(1, 6, chosen_subsets(6, cost=6, hits=[0, 1]))
    alike = Plan.subsets(1, 6, chosen_subsets(6, cost=6))
    assert retained_depth(once, [1]) > retained_depth(alike, [1])


def test_a_risky_slice_is_left_out_more_often():
    family = chosen_subsets(4, cost=3, prior=[0.85, 0.05, 0.05, 0.05])
    holding = [sum(slice in subset for subset in family) for slice in range(4)]
    assert holding[0] == min(holding)


def test_states_are_probabilities_and_count_the_hits():
    for count, states in enumerate(hit_states(np.array([0.5, 0.3, 0.2]), hits=4)):
        assert states.sum() == pytest.approx(1)
        assert all(not p or bits.bit_count() <= count for bits, p in enumerate(states))


def test_families_that_leave_out():
    assert set(leave_out(4, most=3)) == set(every_subset(4))
    assert len(leave_out(5, most=2)) == 1 + 5 + 10


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"slices": 17, "cost": 3}, "wanted 1 to 16"),
        ({"slices": 4, "cost": 0.5}, "wanted at least 1"),
        ({"slices": 4, "cost": 3, "hits": []}, "wanted weights"),
        ({"slices": 4, "cost": 3, "hits": [0, 0]}, "wanted weights"),
        ({"slices": 4, "cost": 3, "prior": [0.5, 0.5]}, "wanted 4 probabilities"),
    ],
)
def test_what_cannot_work_is_refused(asked, says):
    with pytest.raises(UserError, match=says):
        chosen_subsets(**asked)
