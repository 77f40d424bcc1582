"""Slices of users: a deletion leaves, bit for bit, what was never taught about what went."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.exact.check import same_bits
from graphforget.exact.graph_check import GraphTrial
from graphforget.exact.plan import Plan
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn import Unlink
from recsys.learn import BPRMF
from recsys.task import Ranking
from recsys.unlearn import UserS3T
from recsys.unlearn.sliced_factors import SlicedFactors, histories
from recsys.unlearn.user_s3t import SlicedRecommender
from tests.recsys.planted import planted_log

LEARNER = UserS3T(shards=2, slices=2, orders=2, width=3, epochs=2)
REQUESTS = {
    "user": ForgetRequest("user", [4, 9]),
    "interaction": ForgetRequest("interaction", planted_log().pairs[:, [0, 70]].t().tolist()),
    "item": ForgetRequest("item", [17]),
}


def same_stages(one: Trained, other: Trained) -> bool:
    """Whether all stages of the first are in the second, with the same bits."""
    ours, theirs = one.model, other.model
    assert isinstance(ours, SlicedRecommender) and isinstance(theirs, SlicedRecommender)
    return all(
        path in theirs.alive(shard)
        and same_bits(ours.state(shard, path), theirs.state(shard, path))
        for shard in range(ours.plan.shards)
        for path in ours.alive(shard)
    )


@pytest.mark.parametrize(
    ("buckets", "shards"), [(5, 1), pytest.param(0, 2, marks=pytest.mark.slow)]
)
def test_the_recipe_passes_the_trials_of_exactness(buckets: int, shards: int) -> None:
    """Removal, repair and poison, and nothing read that may not be; users are nodes here."""
    rows = histories(planted_log(users=18, items=12))
    rows.y = torch.zeros(18, dtype=torch.int64)
    rows.train_mask = torch.ones(18, dtype=torch.bool)
    recipe = SlicedFactors(12, width=2, buckets=buckets, epochs=2)
    trial = GraphTrial(rows, Plan.chains(shards, 2, 2), recipe)
    for user in (0, 7):
        found = trial.removal(ForgetRequest("node", [user]))
        assert not found.leaked and found.told
    assert not trial.repair(ForgetRequest("node", [3]))
    assert not trial.poison()
    assert not trial.forbidden_reads()


@pytest.mark.parametrize("kind", REQUESTS)
def test_what_lives_on_is_what_training_without_the_request_makes(kind: str) -> None:
    log, request = planted_log(), REQUESTS[kind]
    before = LEARNER.fit(log, Ranking(), seed=0)
    after = LEARNER(before, request)
    fresh = LEARNER.fit(request.retained(log), Ranking(), seed=0)
    assert same_stages(after, fresh)
    assert not same_stages(before, fresh)  # there was something to forget
    assert not request.held_by(after.data, log)
    repaired = LEARNER.repaired(after)
    assert same_stages(repaired, fresh) and same_stages(fresh, repaired)
    at_once = replace(LEARNER, repair=True)(before, request)
    assert same_stages(at_once, fresh) and same_stages(fresh, at_once)


def test_one_user_costs_the_stages_of_his_slice_only() -> None:
    before = LEARNER.fit(planted_log(), Ranking(), seed=0)
    after = LEARNER(before, ForgetRequest("user", [4]))
    shard, slice = int(before.model.shard[4]), int(before.model.slice[4])
    for one in range(2):
        lost = set(before.model.alive(one)) - set(after.model.alive(one))
        wanted = {path for path in before.model.alive(one) if slice in path}
        assert lost == (wanted if one == shard else set())
    assert after.model.shard[4] == -1 and before.model.shard[4] == shard


def test_a_shard_answers_for_users_of_others_and_for_those_who_come_back() -> None:
    log = planted_log()
    after = LEARNER(LEARNER.fit(log, Ranking(), seed=0), ForgetRequest("user", [4]))
    empty = after.task.scores(after.model(log.x, after.data.edge_index), torch.tensor([4]), log)
    again = after.task.scores(after.model(log.x, log.edge_index), torch.tensor([4]), log)
    assert again.isfinite().all() and not again.equal(empty)


def test_it_learns() -> None:
    log = planted_log(users=200)
    learner = UserS3T(shards=2, slices=2, orders=1, width=6, epochs=40, learning_rate=0.05)
    trained = learner.fit(log, Ranking(), seed=0)
    assert trained.task.evaluate(trained.model, log)["test_auc"] > 0.75


def test_a_run_folder_holds_the_stages_that_live(tmp_path) -> None:
    after = LEARNER(LEARNER.fit(planted_log(), Ranking(), seed=0), REQUESTS["user"])
    after.save(tmp_path / "run")
    again = Trained.load(tmp_path / "run")
    assert same_stages(again, after) and same_stages(after, again)


def test_what_does_not_fit_is_refused() -> None:
    other = BPRMF(width=2, epochs=1).fit(planted_log(), Ranking(), seed=0)
    reason = UserS3T().supports(other, REQUESTS["user"])
    assert reason is not None and "train it with UserS3T" in reason
    with pytest.raises(UserError, match="wanted at least one item a slice"):
        UserS3T(shards=20, slices=20).fit(planted_log(), Ranking(), seed=0)


def test_what_an_inexact_method_left_behind_is_not_called_forgotten() -> None:
    trained = LEARNER.fit(planted_log(), Ranking(), seed=0)
    left = Unlink()(trained, ForgetRequest("user", [3]))  # the stages still know him
    with pytest.raises(UserError, match="Unlink was not exact"):
        LEARNER(left, ForgetRequest("user", [4]))
    with pytest.raises(UserError, match="Unlink was not exact"):
        LEARNER.repaired(left)
