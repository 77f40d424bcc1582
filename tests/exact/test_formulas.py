import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphforget.core.errors import UserError
from graphforget.exact import formulas
from graphforget.exact.formulas import (
    deletions_to_first_dark,
    deletions_to_last_dark,
    draws_to_collect,
    repair_cost,
    retained_depth,
    stored_stages,
    survival,
    survival_after,
    training_cost,
)
from graphforget.exact.orders import consecutive_rotations, spaced_rotations
from graphforget.exact.plan import Plan
from graphforget.exact.simulate import first_and_last_dark, simulated_depth
from graphforget.exact.subsets import chosen_subsets, hit_states
from tests.exact.plans import plans


@pytest.mark.parametrize("orders", [1, 2, 4, 8, 16, 32])
def test_last_dark_is_the_coupon_collectors(orders):
    plan = Plan.chains(5, 32, orders)
    harmonic = sum(1 / count for count in range(1, 5 * orders + 1))
    assert deletions_to_last_dark(plan) == pytest.approx(160 * harmonic, rel=1e-6)


def test_first_dark_of_one_order_is_the_number_of_slices_whatever_the_shards():
    for shards in (1, 5, 1000):
        assert deletions_to_first_dark(Plan.chains(shards, 8, 1)) == pytest.approx(8, rel=1e-6)


@pytest.mark.parametrize(("orders", "first"), [(2, 228), (4, 1417), (8, 4085)])
def test_first_dark_of_a_thousand_shards(orders, first):
    assert deletions_to_first_dark(Plan.chains(1000, 8, orders)) == pytest.approx(first, rel=1e-3)


@pytest.mark.parametrize("orders", [1, 4, 16])
def test_simulated_deletions_agree(orders):
    plan = Plan.chains(5, 8, min(orders, 8))
    first, last = first_and_last_dark(plan, runs=3000, seed=0)
    assert first.mean() == pytest.approx(deletions_to_first_dark(plan), rel=0.05)
    assert last.mean() == pytest.approx(deletions_to_last_dark(plan), rel=0.03)


@settings(max_examples=25, deadline=None)
@given(plans())
def test_lifetimes_of_any_plan_agree_with_simulation(plan):
    first, last = first_and_last_dark(plan, runs=1500, seed=1)
    for simulated, formula in (
        (first, deletions_to_first_dark(plan)), (last, deletions_to_last_dark(plan)),
    ):
        error = 5 * simulated.std() / math.sqrt(len(simulated)) + 0.02
        assert abs(simulated.mean() - formula) < error


@settings(max_examples=40, deadline=None)
@given(plans(), st.integers(0, 2**20))
def test_survival_of_any_plan_is_the_sum_over_all_sets_of_hit_slices(plan, seed):
    prior = np.random.default_rng(seed).dirichlet(np.ones(plan.slices))
    depths = np.array([
        plan.depth([{slice} for slice in range(plan.slices) if bits >> slice & 1])
        for bits in range(1 << plan.slices)
    ])
    curve = survival(plan, hits=3, prior=prior)
    for count, states in enumerate(hit_states(prior, hits=3)):
        exact = [states[depths >= depth].sum() for depth in range(1, plan.slices + 1)]
        assert curve[count] == pytest.approx(exact, abs=1e-9)


def test_the_simulated_curve_stands_in_where_there_are_too_many_unions(monkeypatch):
    plan = Plan.chains(2, 8, spaced_rotations(8, 6))
    exact = retained_depth(plan, range(12))
    monkeypatch.setattr(formulas, "unhit_terms", lambda sets, risk: None)
    assert retained_depth(plan, range(12)) == pytest.approx(exact, abs=0.15)
    assert simulated_depth(plan, 11, runs=2000, seed=0) == pytest.approx(exact, abs=0.2)


def test_spaced_rotations_keep_a_fifth_more_than_consecutive_and_live_as_long():
    for orders in (2, 4, 8):
        consecutive, spaced = (
            Plan.chains(5, 32, make(32, orders))
            for make in (consecutive_rotations, spaced_rotations)
        )
        more = retained_depth(spaced, range(400)).sum() / retained_depth(
            consecutive, range(400)
        ).sum()
        assert 1.15 < more < 1.27
        assert deletions_to_last_dark(spaced) == deletions_to_last_dark(consecutive)


def test_overlapping_orders_differ_from_the_lemma_that_takes_them_for_independent():
    alive = survival(Plan.chains(1, 4, 4), hits=3)
    assert alive[3, 0] == pytest.approx(1)
    assert 1 - (1 - (1 - 1 / 4) ** 3) ** 4 == pytest.approx(0.888, abs=1e-3)


@pytest.mark.parametrize("shards", [1, 3])
def test_sisa_retains_a_geometric_share(shards):
    curve = survival_after(Plan.chains(shards, 5, 1), range(6))
    expected = [[(1 - k / 5 / shards) ** r for k in range(1, 6)] for r in range(6)]
    assert curve == pytest.approx(np.array(expected))


def test_a_public_slice_is_never_hit():
    plan = Plan.chains(3, 4, orders=3, public=[1])
    assert deletions_to_first_dark(plan) == deletions_to_last_dark(plan) == math.inf
    assert survival(plan, hits=50)[:, 0] == pytest.approx(1)


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 9))
def test_costs_of_chains_are_the_closed_forms(slices, orders, shards):
    orders = min(orders, slices)
    plan = Plan.chains(shards, slices, orders)
    assert training_cost(plan) == pytest.approx(orders * (slices + 1) / 2)
    repair = orders * (slices + 1) * (2 * slices + 1) / (6 * slices * shards)
    assert repair_cost(plan) == pytest.approx(repair)
    assert stored_stages(plan) == shards * orders * slices


def test_many_coupons():
    equal = draws_to_collect([1 / 20] * 20)
    assert equal == pytest.approx(20 * sum(1 / k for k in range(1, 21)), rel=1e-6)
    with pytest.raises(UserError, match="chances"):
        draws_to_collect([0.5, 0.6])


def test_many_overlapping_subsets_have_a_curve_or_say_so():
    family = chosen_subsets(12, cost=26)
    curve = retained_depth(Plan.subsets(3, 12, family), [0, 1, 8])
    assert curve[0] == pytest.approx(12) and curve[0] > curve[1] > curve[2]
