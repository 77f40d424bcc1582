"""The audit must let retraining pass, and nothing that only looks like forgetting."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from graphforget.audit import full_audit, quick_audit
from graphforget.audit.judges import judge_membership, judge_utility
from graphforget.audit.slice import Slice
from graphforget.core.errors import Refused, UserError
from graphforget.protocols import Outcome
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import Rewind
from tests.audit import methods

TASK = NodeClassification(3)
FAKES = {
    methods.DoNothing: {"artefacts", "weights", "distance_forgotten"},
    methods.Unlink: {"weights", "distance_forgotten"},
    methods.Nudge: {"weights", "distance_forgotten"},
    methods.ReRandomise: {"distance_test", "test_accuracy"},
    methods.SelfDistil: {"distance_forgotten"},
}
"""What each must be caught at, whatever else it fails."""


@pytest.fixture(scope="module")
def quick(noisy_graph, learner, node_request, class_request):
    original = learner.fit(noisy_graph, TASK, 0)
    requests = {"node": node_request, "class": class_request}
    retrained = {
        kind: [learner.fit(request.retained(noisy_graph), TASK, seed) for seed in (100, 200)]
        for kind, request in requests.items()
    }

    def judge(method, kind):
        oracle, floor = retrained[kind]
        after = method(original, requests[kind], 3)
        outcome = Outcome(original, after, requests[kind], seconds=1.0, oracle=oracle)
        return quick_audit(outcome, floor)

    return judge


def failed(report) -> set[str]:
    return {criterion.name for criterion in report.verdict.criteria if not criterion.passed}


@pytest.mark.parametrize("kind", ["node", "class"])
def test_quick_audit_lets_retraining_pass(kind, quick):
    report = quick(methods.RetrainApart(), kind)
    assert report.verdict.passed, report.verdict.words
    assert report.slices["forgotten"].telling
    assert any("weaker evidence" in words for words in report.verdict.caveats)


@pytest.mark.parametrize("kind", ["node", "class"])
@pytest.mark.parametrize("method", FAKES)
def test_quick_audit_sees_through(method, kind, quick):
    report = quick(method(), kind)
    assert not report.verdict.passed
    assert FAKES[method] <= failed(report), report.verdict.words
    assert report.verdict.words.startswith("Not passed.")


def test_doing_nothing_has_the_distance_of_nothing(quick):
    report = quick(methods.DoNothing(), "node")
    assert report.slices["forgotten"].rho == pytest.approx(1.0)
    assert report.before == {**report.after, "distance_forgotten": pytest.approx(
        report.before["distance_forgotten"])}


def test_a_model_that_kept_the_class_is_seen_by_its_recall(quick):
    report = quick(methods.SelfDistil(), "class")
    assert "forgotten_class_recall" in failed(report)
    assert "distance_same_class" in failed(report)


@pytest.mark.slow
@pytest.mark.parametrize("method", [methods.RetrainApart, *FAKES])
def test_full_audit_of(method, noisy_graph, learner, node_request):
    report = full_audit(method(), learner, noisy_graph, TASK, node_request, models=6)
    assert report.models == 6
    assert report.verdict.passed == (method is methods.RetrainApart), report.verdict.words
    assert FAKES.get(method, set()) <= failed(report)
    assert report.attacks["none"]["forgotten"].two_sided > 0.9
    assert report.before["relearn_steps"] == 0
    assert report.after.keys() == report.oracle.keys() == report.floor.keys()
    if method is methods.RetrainApart:
        assert report.attacks["after"]["forgotten"].low < 0.6
        assert report.slices["forgotten"].kl[0] < report.slices["forgotten"].kl[1]


@pytest.mark.slow
def test_full_audit_of_links(tiny_links):
    from graphforget.learn import CrossEntropy
    from graphforget.nn import GCN
    from graphforget.task import LinkPrediction

    request = ForgetRequest("edge", tiny_links.edge_index[:, ::25])
    learner, task = CrossEntropy(GCN(hidden=16, dropout=0.0), epochs=60), LinkPrediction(8)
    report = full_audit(methods.RetrainApart(), learner, tiny_links, task, request, models=4)
    assert report.slices["forgotten"].items == request.size
    assert report.verdict.passed, report.verdict.words
    assert not full_audit(
        methods.DoNothing(), learner, tiny_links, task, request, models=4
    ).verdict.passed


def test_weights_that_hold_nothing_of_the_request_are_named(tiny_links):
    from graphforget.learn import CrossEntropy
    from graphforget.nn import GCN
    from graphforget.task import LinkPrediction

    request = ForgetRequest("edge", tiny_links.edge_index[:, ::4])
    task = LinkPrediction(8)
    original = CrossEntropy(GCN(hidden=16, dropout=0.0), 1, 1e-9).fit(tiny_links, task, 0)
    after = methods.Unlink()(original, request)
    oracle, floor = (Trained(original.model, after.data, task) for _ in range(2))
    report = quick_audit(Outcome(original, after, request, 1.0, oracle), floor)
    assert report.slices["forgotten"].telling
    assert any("untouched weights" in words for words in report.verdict.caveats)


def test_full_audit_wants_enough_models(noisy_graph, learner, node_request):
    with pytest.raises(UserError, match="at least 4"):
        full_audit(methods.RetrainApart(), learner, noisy_graph, TASK, node_request, models=3)


def test_a_method_that_refuses_is_asked_before_the_models_are_trained(
    noisy_graph, learner, node_request, monkeypatch
):
    monkeypatch.setattr("graphforget.audit.audit.fit_many", lambda *_: pytest.fail("it trained"))
    with pytest.raises(Refused, match="no snapshot was kept"):
        full_audit(Rewind(), learner, noisy_graph, TASK, node_request, models=4)
    kept = dataclasses.replace(learner, snapshots=(0.75,))
    with pytest.raises(pytest.fail.Exception, match="it trained"):
        full_audit(Rewind(), kept, noisy_graph, TASK, node_request, models=4)


def test_audit_without_a_learner_says_what_to_do(noisy_graph, learner, node_request):
    model = learner.build(noisy_graph, TASK, 0)
    bare = Trained.wrap(model, noisy_graph, TASK)
    after = methods.Unlink()(bare, node_request)
    with pytest.raises(UserError, match="pass the retrained model"):
        quick_audit(Outcome(bare, after, node_request, 1.0))


def test_a_model_that_diverged_is_refused_in_words(noisy_graph, learner, node_request):
    original = learner.fit(noisy_graph, TASK, 0)
    after = methods.Unlink()(original, node_request)
    with torch.no_grad():
        next(after.model.parameters()).fill_(float("nan"))
    oracle = methods.RetrainApart()(original, node_request)
    with pytest.raises(UserError, match="not finite"):
        quick_audit(Outcome(original, after, node_request, 1.0, oracle), floor=oracle)


def test_bar_follows_the_noise_of_retraining():
    assert Slice(10, distance=0.019, none=0.2, floor=0.010, spread=0.005).passed
    assert not Slice(10, distance=0.060, none=0.2, floor=0.010, spread=0.005).passed
    assert Slice(10, distance=0.028, none=0.2, floor=0.010, spread=0.0).passed  # rho 0.095
    assert not Slice(10, distance=0.01, none=0.012, floor=0.010, spread=0.002).telling


def test_being_better_than_retraining_at_the_test_is_no_failure():
    name = {"test_accuracy": 0.9}
    assert judge_utility(name, {"test_accuracy": 0.8}, {"test_accuracy": 0.0})[0].passed
    assert not judge_utility({"test_accuracy": 0.7}, name, {"test_accuracy": 0.01})[0].passed


def test_a_class_without_test_nodes_is_not_judged_by_its_recall():
    nan = {"forgotten_class_recall": float("nan"), "test_accuracy": 0.8}
    names = [each.name for each in judge_utility(nan, nan, dict.fromkeys(nan, 0.0))]
    assert names == ["test_accuracy"]


def test_an_attack_without_room_for_an_excess_is_no_reason_to_pass():
    assert judge_membership((0.0, -0.1, 0.1), forgotten=0.52, test=0.52).passed
    assert not judge_membership((0.0, -0.1, 0.1), forgotten=0.99, test=0.99).passed
    assert not judge_membership((0.2, 0.1, 0.3), forgotten=0.75, test=0.55).passed


def test_an_interval_that_holds_everything_is_no_reason_to_pass():
    wide = judge_membership((0.04, -0.1, 0.36), forgotten=0.55, test=0.51)
    assert not wide.passed
    assert "too few items to tell" in wide.words and "0.20 or below" in wide.words
    assert judge_membership((0.04, -0.1, 0.19), forgotten=0.55, test=0.51).passed
