import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from graphforget.exact.plan import Plan
from graphforget.exact.subsets import leave_out
from tests.exact.plans import plans, plans_and_hits


@settings(deadline=None)
@given(plans_and_hits())
def test_a_stage_dies_exactly_if_it_has_seen_a_whole_hit(case):
    plan, hits = case
    alive = set(plan.alive(hits))
    for path in plan.stages:
        assert (path in alive) == (not any(hit <= set(path) for hit in hits))


@settings(deadline=None)
@given(plans_and_hits())
def test_what_a_live_stage_stands_on_is_alive(case):
    plan, hits = case
    alive = set(plan.alive(hits))
    for path in alive:
        assert set(plan.lineage(path)) <= alive
        assert plan.lineage(path)[-1] == path


@settings(deadline=None)
@given(plans_and_hits())
def test_the_longest_live_stage_is_served_and_the_first_among_equals(case):
    plan, hits = case
    alive = plan.alive(hits)
    served = plan.served(hits)
    if not alive:
        assert served == () and plan.depth(hits) == 0
        return
    longest = max(map(len, alive))
    assert served == (next(path for path in alive if len(path) == longest),)
    assert plan.depth(hits) == longest
    several = plan.served(hits, several=True)
    assert several == tuple(path for path in alive if len(path) == longest)


@settings(deadline=None)
@given(plans_and_hits(), st.randoms())
def test_order_and_repetition_of_hits_do_not_matter_and_more_hits_never_revive(case, random):
    plan, hits = case
    shuffled = [*hits, *hits]
    random.shuffle(shuffled)
    assert plan.alive(shuffled) == plan.alive(hits)
    for end in range(len(hits)):
        assert set(plan.alive(hits[: end + 1])) <= set(plan.alive(hits[:end]))


@settings(deadline=None)
@given(plans())
def test_stages_come_after_what_they_stand_on_and_once(plan):
    seen = set()
    for path in plan.stages:
        assert path not in seen
        assert set(plan.lineage(path)[:-1]) <= seen
        seen.add(path)
    assert set(plan.paths) <= seen


@settings(deadline=None)
@given(plans())
def test_a_plan_survives_json(plan):
    assert from_config(json.loads(json.dumps(to_config(plan)))) == plan


def test_shared_beginnings_are_trained_once():
    plan = Plan.chains(1, 3, [(0, 1, 2), (0, 2, 1)])
    assert plan.stages == ((0,), (0, 1), (0, 2), (0, 1, 2), (0, 2, 1))


def test_an_edge_within_a_shard_spares_stages_that_have_seen_one_end():
    plan = Plan.chains(1, 3, orders=1)
    assert plan.served([{0, 2}]) == ((0, 1),)
    assert plan.served([{0}]) == ()


def test_public_ids_have_the_first_slice_of_their_shard_and_every_path_begins_there():
    plan = Plan.chains(2, 4, orders=3, public=range(0, 100, 5))
    _, slices = plan.placement.of(range(100))
    assert set(np.flatnonzero(slices == 0)) == set(range(0, 100, 5))
    assert all(path[0] == 0 for path in plan.stages)
    assert plan.depth([{1}, {2}, {3}]) == 1
    assert Plan.subsets(2, 3, public=[0]).paths == ((0, 1, 2), (0, 1), (0, 2), (0,))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Plan.chains(0, 4, 1), "shards: wanted a whole number from 1, got 0"),
        (lambda: Plan.chains(1, True, 1), "slices: wanted a whole number"),
        (lambda: Plan.chains(1, 4, 0), "orders: wanted a whole number from 1, got 0"),
        (lambda: Plan.chains(1, 3, 7), "3 slices have 6 orders, got 7"),
        (lambda: Plan.chains(1, 4, []), "wanted at least one order"),
        (lambda: Plan.chains(1, 4, [(0, 1, 4)]), "wanted slices from 0 to 3"),
        (lambda: Plan.chains(1, 4, [(0, -1)]), "wanted slices from 0 to 3"),
        (lambda: Plan.chains(1, 4, [(0, 1, 0)]), "every slice at most once"),
        (lambda: Plan.chains(1, 4, [(0, 1), (0, 1)]), "twice"),
        (lambda: Plan.chains(1, 4, 1, salt=""), "salt"),
        (lambda: Plan.chains(1, 1, 1, public=[3]), "at least 2 beside public ids"),
        (lambda: Plan.chains(1, 3, [(1, 0, 2)], public=[3]), "public slice 0 first"),
        (lambda: Plan.subsets(1, 3, [()]), "subset: wanted slices"),
        (lambda: Plan.subsets(1, 17), "wanted 1 to 16"),
        (lambda: Plan.chains(8, 8, 1).check(60), "got 60 items for 8 x 8 slices"),
        (lambda: Plan.chains(1, 3, 1).alive([set()]), "hit: wanted slices"),
        (lambda: Plan.chains(1, 3, 1).alive([{3}]), "hit: wanted slices"),
        (lambda: Plan.chains(1, 3, 1).lineage((1, 0)), "there is no stage"),
        (lambda: Plan.chains(1, 3, 1).placement.place(1.5), "id: wanted a whole number or text"),
        (lambda: leave_out(3, most=3), "wanted from 0 to 2"),
    ],
)
def test_what_cannot_work_is_refused(make, says):
    with pytest.raises(UserError, match=says):
        make()
