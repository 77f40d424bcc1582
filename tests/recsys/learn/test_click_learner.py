"""Click models are learners, and what forgets in graphs forgets in them."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache

import pytest
import torch

from graphforget import unlearn
from graphforget.core.errors import Refused, UserError
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from recsys.learn import ClickLearner
from recsys.models import FM, MLP
from recsys.task import ClickPrediction
from tests.recsys.clicks import small_clicks

LEARNER = ClickLearner(
    backbone=FM(), width=4, epochs=8, learning_rate=0.05, batch_size=70, snapshots=(0.5,)
)
RUN = [name for name in unlearn.__all__ if name != "GNNDelete"]
REQUESTS = {
    "user": ForgetRequest("user", [3]),
    "item": ForgetRequest("item", [5]),
    "interaction": ForgetRequest("interaction", [[0, 2], [0, 3], [1, 4], [1, 5]]),
    "feature": ForgetRequest("feature", [[3, 1]]),
}


@cache
def trained() -> Trained:
    return LEARNER.fit(small_clicks(), ClickPrediction(), seed=0)


def test_clicks_are_learned() -> None:
    found = trained().task.evaluate(trained().model, trained().data)
    assert found["test_auc"] > 0.75
    assert found["test_logloss"] < 0.65


def test_only_rows_that_are_asked_about_are_computed() -> None:
    task, rows = trained().task, torch.tensor([5, 300, 7])
    whole = task.read(trained().model(trained().data.x, trained().data.edge_index), rows)
    assert torch.allclose(task.logits(trained().model, trained().data, rows), whole, atol=1e-6)
    assert task.probability(whole).sum(1).allclose(torch.ones(3))


@pytest.mark.parametrize("method", RUN)
def test_graph_methods_run_and_leave_the_original_alone(method: str) -> None:
    kind = list(REQUESTS)[RUN.index(method) % len(REQUESTS)]
    before, request = trained(), REQUESTS[kind]
    kept = copy.deepcopy(before.model.state_dict())
    request = ForgetRequest(request.kind, [entry for entry in request.index
                                           if there(request.kind, entry)])
    after = getattr(unlearn, method)()(before, request, seed=1)
    assert not request.held_by(after.data, before.data)
    assert all(before.model.state_dict()[name].equal(value) for name, value in kept.items())
    answer = after.response(torch.arange(400))
    assert answer.isfinite().all()


def test_operators_on_edges_find_none() -> None:
    with pytest.raises(Refused, match="message-passing"):
        unlearn.GNNDelete()(trained(), REQUESTS["user"])


@pytest.mark.parametrize("kind", ["user", "feature"])
def test_a_retrained_model_does_not_depend_on_what_was_forgotten(kind: str) -> None:
    request, poisoned = REQUESTS[kind], copy.copy(trained().data)
    kept = request.retained(trained().data)
    rows = (kept.x != trained().data.x).any(1)
    poisoned.x = poisoned.x.clone()
    poisoned.x[rows, 1] = 12 - poisoned.x[rows, 1] + 1
    if kind == "user":
        poisoned.y = torch.where(rows, 1 - poisoned.y, poisoned.y)
    states = [
        unlearn.Retrain()(LEARNER.fit(data, ClickPrediction(), 0), request, seed=2).model
        for data in (trained().data, poisoned)
    ]
    for one, other in zip(states[0].parameters(), states[1].parameters(), strict=True):
        assert one.equal(other)


def test_a_run_folder_gives_the_log_and_the_model_back(tmp_path) -> None:
    trained().save(tmp_path / "run")
    again = Trained.load(tmp_path / "run")
    assert again.data.fields == trained().data.fields
    assert again.response(torch.arange(50)).equal(trained().response(torch.arange(50)))


def test_what_cannot_be_learned_is_refused() -> None:
    with pytest.raises(UserError, match="wanted ClickPrediction"):
        LEARNER.fit(small_clicks(), NodeClassification(2), seed=0)
    log = small_clicks()
    log.y = torch.ones_like(log.y)
    with pytest.raises(UserError, match="with and without a click"):
        LEARNER.fit(log, ClickPrediction(), seed=0)


def there(kind: str, entry: object) -> bool:
    """Whether the log has rows of it: pairs are drawn at random."""
    one = ForgetRequest(kind, [entry])
    return bool(one.nodes(small_clicks()).numel())


def test_a_last_row_alone_joins_the_batch_before_it():
    """Batch norm cannot train on one row, and a request decides how many rows are left."""
    data, task = small_clicks(), ClickPrediction()
    rows = len(task.train_items(data))
    learner = ClickLearner(MLP(), width=4, epochs=1, batch_size=(rows - 1) // 3)
    assert (rows - 1) % 3 == 0 and learner.steps(data) == 3
    batches = learner.batches(data, task, seed=0)
    assert [len(next(batches)) for _ in range(4)] == 2 * [learner.batch_size] + [
        learner.batch_size + 1, learner.batch_size
    ]
    assert isinstance(learner.fit(data, task, seed=0), Trained)
    with pytest.raises(UserError, match="batch_size from 2"):
        replace(learner, batch_size=1)


@pytest.mark.parametrize("method", ["GradientAscent", "SCRUB"])
def test_a_single_row_is_unlearned_from_a_network_with_batch_norm(method: str) -> None:
    data, request = small_clicks(), ForgetRequest("interaction", [[3, 1]])
    assert request.nodes(data).tolist() == [0]
    before = ClickLearner(MLP(), width=4, epochs=1, batch_size=70).fit(data, ClickPrediction(), 0)
    after = getattr(unlearn, method)()(before, request, seed=1)
    assert after.response(torch.arange(400)).isfinite().all()
