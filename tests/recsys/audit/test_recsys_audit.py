"""Audits: they see what is planted, nothing where nothing is, and controls in their place."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn import Unlink
from recsys.audit import (
    audit_pairs,
    carried_out_in_turn,
    decile_gaps,
    fit_many,
    fold_in_attack,
    forgotten_ranks,
    in_turn,
    list_distance,
    memorisation,
    neighbours,
    parse_forget_set,
    user_ndcg,
)
from recsys.audit.asked import parts
from recsys.audit.deciles import activity_groups
from recsys.audit.fold_in import folded_in, halves, probed
from recsys.audit.forget_sets import margins
from recsys.audit.pairs import pairs_asked
from recsys.interactions import Interactions
from recsys.learn.bpr import BPRMF
from recsys.task import Ranking
from recsys.unlearn import BoundedAscent
from tests.recsys.planted import planted_log, scores_of

LEARNER = BPRMF(width=6, epochs=25, learning_rate=0.02, batch_size=128, snapshots=(0.5,))
MODELS = 6


@pytest.fixture(scope="module")
def log():
    return planted_log()


@pytest.fixture(scope="module")
def originals(log):
    return fit_many(LEARNER, log, Ranking(), range(MODELS))


@pytest.fixture(scope="module")
def strange(log):
    """Pairs outside a user's group: what can only be memorised."""
    user, item = log.pairs
    return ForgetRequest("interaction", log.pairs[:, (user % 4 != item % 4)][:, :14])


@pytest.fixture(scope="module")
def retrained(log, strange):
    return fit_many(LEARNER, strange.retained(log), Ranking(), range(100, 100 + 2 * MODELS))


def test_many_models_are_those_of_single_fits(log, originals):
    for place in (0, MODELS - 1):
        single = LEARNER.fit(log, Ranking(), seed=place)
        many = originals[place]
        torch.testing.assert_close(many.model.rows, single.model.rows, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(many.model.popularity, single.model.popularity,
                                   rtol=1e-4, atol=1e-5)
        assert many.optimizer.keys() == single.optimizer.keys()
        assert many.snapshots.keys() == single.snapshots.keys()
        for name, value in single.snapshots[12].items():
            torch.testing.assert_close(many.snapshots[12][name], value, rtol=1e-4, atol=1e-5)


def test_the_attack_finds_the_originals_and_not_the_retrained(log, originals, retrained, strange):
    asked = pairs_asked(originals[0], strange)
    assert asked.forgotten.size(1) == 14
    oracle, floor = retrained[:MODELS], retrained[MODELS:]
    none = audit_pairs(originals, oracle, originals[0], asked)
    control = audit_pairs(floor, oracle, originals[0], asked)
    assert none.attack_forgotten > 0.8 > control.attack_forgotten + 0.1
    assert none.shift_forgotten > 1.0 > abs(control.shift_forgotten) + 0.3
    assert none.kl_forgotten > 2 * control.kl_forgotten
    assert none.attack_retained < none.attack_forgotten - 0.1
    assert none.excess > control.excess + 0.2
    assert none.population > none.population_oracle
    ascended = [BoundedAscent(learning_rate=0.005)(each, strange) for each in originals]
    after = audit_pairs(ascended, oracle, originals[0], asked)
    assert abs(after.shift_forgotten) < none.shift_forgotten


def test_pairs_of_forgotten_users_are_not_asked_by_their_rows(originals):
    asked = pairs_asked(originals[0], ForgetRequest("user", (0, 1, 2)))
    assert asked.forgotten.size(1) == 0
    assert not torch.isin(asked.retained[0], torch.arange(3)).any()
    assert not torch.isin(asked.test[0], torch.arange(3)).any()


def test_small_arms_are_refused(originals, strange):
    asked = pairs_asked(originals[0], strange)
    with pytest.raises(UserError, match="at least 4 models"):
        audit_pairs(originals[:2], originals, originals[0], asked)


def test_the_fold_in_probe_sees_planted_users_in_item_tables():
    """Three users took strange items together: the items' rows lie close, and that is told."""
    generator = torch.Generator().manual_seed(0)
    pairs = torch.stack([torch.arange(3).repeat_interleave(8), torch.arange(8).repeat(3)])
    def arm(planted: bool, count: int = 8) -> list[torch.Tensor]:
        tables = torch.randn(count, 40, 5, generator=generator)
        if planted:
            tables[:, :8] += 2 * torch.randn(count, 1, 5, generator=generator)
        return [probed(items, pairs, seed=0) for items in tables]
    with_them, without = (torch.stack(arm(planted)).mean() for planted in (True, False))
    assert with_them > without + 0.3


def test_fold_in_attack_tells_models_that_had_a_user_from_those_that_had_not(log, originals):
    strangers = torch.stack([torch.zeros(6, dtype=torch.int64), torch.tensor([1, 2, 3, 5, 6, 7])])
    with_him = Interactions.of(torch.cat([log.pairs, strangers], 1), 60, 40)
    request = ForgetRequest("user", (0,))
    without = fit_many(LEARNER, request.retained(with_him), Ranking(), range(50, 50 + MODELS))
    his = with_him.pairs[:, with_him.pairs[0] == 0]
    same = fold_in_attack(without[:4], without[2:], his)
    kept = [Unlink()(each, request) for each in
            fit_many(LEARNER, with_him, Ranking(), range(MODELS))]
    assert fold_in_attack(kept, without, his).auc > 0.5
    assert 0.2 < same.auc < 0.8


def test_folding_in_a_user_finds_his_taste():
    items = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    taste = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    scores = taste @ items.t()
    taken = scores >= scores.topk(10, dim=1).values[:, -1:]
    rows = folded_in(items, taken)
    assert bool((torch.cosine_similarity(rows, taste) > 0.6).all())
    scaled = folded_in(7 * items, taken)
    torch.testing.assert_close(scaled * 7, rows, rtol=1e-3, atol=1e-4)


def test_halves_are_halves_of_each_user(log):
    first, second = halves(log.pairs, seed=3)
    both = torch.cat([first, second], dim=1)
    assert {tuple(pair) for pair in both.t().tolist()} <= set(map(tuple, log.pairs.t().tolist()))
    sizes = [half[0].bincount(minlength=60) for half in (first, second)]
    assert bool(((sizes[1] - sizes[0] >= 0) & (sizes[1] - sizes[0] <= 1)).all())


def test_users_are_grouped_by_activity_and_gaps_are_zero_against_oneself(log, originals):
    activity = log.pairs[0].bincount(minlength=60)
    group = activity_groups(activity, 10)
    assert group.bincount().tolist() == [6] * 10
    assert bool(activity[group == 9].min() >= activity[group == 0].max())
    gaps = decile_gaps(originals[0], originals[0])
    assert bool((gaps[gaps.isfinite()] == 0).all())
    worse = copy.deepcopy(originals[0].model)
    with torch.no_grad():
        worse.rows[:60] *= -1
    spoiled = replace(originals[0], model=worse)
    assert float(decile_gaps(spoiled, originals[0]).nanmean()) < -0.1
    mean = originals[0].task.evaluate(originals[0].model, log)["test_ndcg@20"]
    assert abs(float(user_ndcg(originals[0]).nanmean()) - mean) < 1e-6


def test_lists_of_retrained_models_are_the_floor(originals, retrained, strange, log):
    users = strange.tensor[0].unique()
    found = list_distance(
        originals, originals, retrained[:3], retrained[3:6], users, k=10
    )
    assert found.after == found.none
    assert 0 < found.floor <= found.none < 1
    near = neighbours(log, users, at_most=5)
    assert len(near) == 5 and not torch.isin(near, users).any()


def test_forgotten_items_fall_in_the_lists(originals, retrained, strange):
    before = forgotten_ranks(originals[0], strange.tensor)
    after = forgotten_ranks(retrained[0], strange.tensor)
    assert float(before.mean()) + 2 < float(after.mean())
    assert float(before.min()) >= 1


def test_forget_sets_are_what_their_names_say(log):
    task, degree = Ranking(), planted_log().pairs[0].bincount(minlength=60)
    core = parse_forget_set("users:5%:core", log, task, 0).tensor
    edge = parse_forget_set("users:5%:edge", log, task, 0).tensor
    assert len(core) == len(edge) == 3
    assert degree[core].min() >= degree.sort().values[-3] and degree[edge].max() <= degree.median()
    some = parse_forget_set("interactions:10%", log, task, 0)
    assert some.size == round(0.1 * log.pairs.size(1))
    some.check(log)
    assert parse_forget_set("items:2", log, task, 1).kind == "item"
    assert parse_forget_set("users:7", log, task, 0) != parse_forget_set("users:7", log, task, 1)


@pytest.mark.parametrize("text", [
    "users", "users:0", "users:5%:hub", "films:3", "users:200%", "interactions:5%:core", "users:x",
    "interactions:5:memorised", "users:5%:core:edge",
])
def test_malformed_forget_sets_are_refused(text, log):
    with pytest.raises(UserError, match="forget set"):
        parse_forget_set(text, log, Ranking(), 0)


def test_memorised_pairs_are_the_strange_ones(log):
    learner = replace(LEARNER, epochs=40, snapshots=())
    score = memorisation(log, Ranking(), learner, seed=0, models=4)
    odd = log.pairs[0] % 4 != log.pairs[1] % 4
    assert float(score[odd].mean()) > float(score[~odd].mean()) + 0.5
    request = parse_forget_set("interactions:5%:memorised", log, Ranking(), 0, learner)
    user, item = request.tensor
    assert float((user % 4 != item % 4).float().mean()) > 1.3 * float(odd.float().mean())


def test_a_stream_forgets_everything_in_turn(originals, strange):
    requests = in_turn(strange, parts=4, seed=0)
    assert sorted(pair for each in requests for pair in each.index) == sorted(strange.index)
    models = list(carried_out_in_turn(BoundedAscent(steps=2), originals[0], requests, seed=0))
    assert [len(each.history) for each in models] == [1, 2, 3, 4]
    assert not strange.held_by(models[-1].data) and strange.held_by(models[0].data)


def test_other_models_are_no_recommenders(tiny_graph):
    other = Trained(model=torch.nn.Linear(1, 1), data=tiny_graph, task=Ranking())
    with pytest.raises(UserError, match="wanted a Ranking on Interactions"):
        parts(other)


def test_margins_measure_all_models_by_one_yardstick(log, originals, strange):
    pairs = log.to_nodes(strange.tensor)
    found = margins(originals[0], pairs, log)
    scores = scores_of(originals[0])
    seen = torch.zeros(60, 40, dtype=torch.bool)
    seen[log.pairs[0], log.pairs[1]] = True
    user, item = strange.tensor
    expected = scores[user, item] - scores.masked_fill(seen, -torch.inf).logsumexp(1)[user]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
