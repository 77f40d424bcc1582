"""Runs that forget in recommenders: records say what was asked, and what is exact is exact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments import recsys_forget_run
from experiments.benchmark import find, key_of
from experiments.cache import Cache
from experiments.recsys_forget_run import RecsysForgetGrid
from experiments.recsys_methods import LEARNERS, SHARDED, methods_for
from experiments.work import run_one
from graphforget.core.config import from_config
from graphforget.unlearn import Retrain
from recsys.learn.bpr import BPRMF
from recsys.learn.ease import EASE
from recsys.unlearn import SISA, SSD, BoundedAscent, EASEDeletion
from recsys.unlearn.partition import HashedUsers
from tests.recsys.planted import planted_log

SMALL = BPRMF(width=4, epochs=2, batch_size=256, snapshots=())


@pytest.fixture(autouse=True)
def planted(monkeypatch):
    monkeypatch.setattr(
        recsys_forget_run, "load_interactions", lambda name, root, **_: planted_log()
    )


def runs_of(learner, *unlearners, requests=("users:5%",)):
    grid = RecsysForgetGrid(("planted",), learner, requests, unlearners)
    return list(grid.runs("test"))


def test_a_record_says_what_was_asked_and_how_it_compares():
    cache = Cache()
    for run in runs_of(SMALL, Retrain(), BoundedAscent(steps=2), SSD(batches=2)):
        run.check(cache, None)
        record = run_one(run, cache)
        assert record.status == "ok", record.error
        assert key_of(record) == run.key
        assert record.request["kind"] == "user" and record.request["size"] == 3
        assert {"test_ndcg@20", "worst_decile_gap", "passed"} <= record.metrics.keys()
        assert from_config(record.config["unlearner"]) == run.unlearner
        assert from_config(record.config["learner"]) == run.learner


def test_shards_are_compared_with_a_model_without_shards():
    shards = SISA(SMALL, HashedUsers(3))
    (run,) = runs_of(shards, shards, requests=("users:1",))
    record = run_one(run, Cache())
    assert record.status == "ok", record.error
    assert (record.model, record.learner) == ("BPRMF", "SISA")
    assert record.metrics["shards_hit"] == 1.0


def test_what_is_solved_for_is_deleted_exactly():
    (run,) = runs_of(EASE(penalty=5.0), EASEDeletion(), requests=("interactions:2%",))
    record = run_one(run, Cache())
    assert record.status == "ok", record.error
    assert record.metrics["distance_forgotten"] < 1e-9


def test_methods_fit_the_models_they_are_tried_on():
    assert {type(each) for each in methods_for(EASE()).values()} == {EASEDeletion}
    assert len(methods_for(LEARNERS["BPR-MF"])) > 10
    assert all(methods_for(each) == {type(each).__name__: each} for each in SHARDED.values())


def test_the_benchmark_has_runs_of_all_models_and_no_two_alike():
    for size in ("smoke", "full"):
        runs = list(find("recsys_unlearning").runs(size))
        assert len({run.key for run in runs}) == len(runs)
    models = {run.asked["model"] for run in runs}
    assert models == {"EASE", "BPRMF", "LightGCN"}
    one = replace(runs[0], seed=9)
    assert one.key != runs[0].key
