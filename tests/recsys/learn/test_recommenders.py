"""Recommenders learn who takes what; the same seed gives the same model."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.protocols import Learner
from graphforget.task import LinkPrediction
from recsys.interactions import Interactions
from recsys.learn import BPRMF, EASE, LightGCN, NeuralCF, WeightedMF
from recsys.learn.als import Halves
from recsys.learn.lightgcn import LightGraph
from recsys.task import Ranking
from tests.recsys.planted import planted_log, scores_of

LEARNERS: dict[str, Learner] = {
    "bpr": BPRMF(width=8, epochs=15, learning_rate=0.05, batch_size=128),
    "lightgcn": LightGCN(width=8, epochs=10, learning_rate=0.05, batch_size=128),
    "ncf": NeuralCF(width=8, hidden=8, epochs=15, learning_rate=0.02, batch_size=128),
    "ease": EASE(penalty=10.0),
    "als": WeightedMF(width=8, epochs=5, penalty=3.0),
}


def task_of(learner: Learner) -> Ranking:
    return Ranking(joint=getattr(learner, "hidden", 0))


@pytest.mark.parametrize("name", LEARNERS)
def test_items_of_the_own_group_come_first(name: str) -> None:
    learner, log = LEARNERS[name], planted_log()
    trained = learner.fit(log, task_of(learner), seed=0)
    found = trained.task.evaluate(trained.model, log)
    assert found["test_auc"] > 0.75
    assert found["test_ndcg@10"] > 0.4  # at random about .2, and .5 of the pairs in order


@pytest.mark.parametrize("name", ["bpr", "ncf", "als"])
def test_the_seed_decides_everything(name: str) -> None:
    learner, log = replace(LEARNERS[name], epochs=2), planted_log()  # type: ignore[type-var]
    first, second, other = (learner.fit(log, task_of(learner), seed) for seed in (3, 3, 4))
    assert scores_of(first).equal(scores_of(second))
    assert not scores_of(first).equal(scores_of(other))


def test_ease_solves_steck_s_problem() -> None:
    log = planted_log()
    model = EASE(penalty=10.0).fit(log, Ranking(), seed=0).model
    weights = -model.inverse / model.inverse.diagonal()
    weights = (weights - torch.diag(weights.diagonal())).detach()
    x = torch.zeros(60, 40, dtype=torch.float64)
    x[log.pairs[0], log.pairs[1]] = 1.0
    slope = x.T @ (x @ weights - x) + 10.0 * weights
    assert slope.fill_diagonal_(0.0).abs().max() < 1e-9  # but for the diagonal, which is held


def test_least_squares_end_where_the_slope_is_zero() -> None:
    log, learner = planted_log(), WeightedMF(width=3, epochs=400, penalty=3.0)
    trained = learner.fit(log, Ranking(), seed=0)
    loss = learner.loss(trained.model, log, trained.task, torch.Generator())
    (slope,) = torch.autograd.grad(loss, list(trained.model.parameters()))
    assert slope.abs().max() < 1e-4


def test_who_has_taken_nothing_has_no_factors() -> None:
    log = Interactions.of(torch.tensor([[0, 0], [0, 1]]), num_users=2, num_items=3)
    learner = WeightedMF(width=2, epochs=2)
    rows = learner.fit(log, Ranking(), seed=0).model.rows
    assert not rows[1].any() and not rows[4].any()
    assert Halves(log).of_users.count.tolist() == [2, 0]


def test_lightgcn_averages_as_its_authors_do() -> None:
    log = planted_log()
    model, n = LightGraph(100, width=3, layers=2), 100
    adjacency = torch.zeros(n, n)
    adjacency[log.edge_index[0], log.edge_index[1]] = 1.0
    scale = adjacency.sum(1).clamp(min=1).rsqrt()
    hop = scale[:, None] * adjacency * scale
    wanted = (model.rows + hop @ model.rows + hop @ hop @ model.rows) / 3
    answer = model(log.x, log.edge_index)
    assert torch.allclose(answer, wanted, atol=1e-6)
    slope = torch.randn(n, 3)
    ours, theirs = (torch.autograd.grad(out, model.rows, slope)[0] for out in (answer, wanted))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_other_tasks_and_settings_out_of_range_are_refused() -> None:
    log = planted_log()
    with pytest.raises(UserError, match="wanted a Ranking, got LinkPrediction"):
        BPRMF().fit(log, LinkPrediction(), seed=0)
    with pytest.raises(UserError, match="wanted the task Ranking\\(joint=32\\)"):
        NeuralCF().fit(log, Ranking(), seed=0)
    with pytest.raises(UserError, match="BPRMF epochs"):
        BPRMF(epochs=0)
    with pytest.raises(UserError, match="wanted at most 10 items"):
        EASE(most_items=10).fit(log, Ranking(), seed=0)
