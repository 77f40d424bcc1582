from __future__ import annotations

import time

import pytest
import torch

from graphforget.audit.ensemble import fit_many
from graphforget.learn import CrossEntropy
from graphforget.nn import GAT, GCN, GIN, GraphSAGE
from graphforget.task import LinkPrediction, NodeClassification


def largest_gap(one, other) -> float:
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


@pytest.mark.parametrize("encoder", [GCN, GAT, GIN, GraphSAGE])
def test_same_as_single_fits_without_dropout(encoder, tiny_graph):
    learner = CrossEntropy(encoder(hidden=16, dropout=0.0), epochs=30)
    task = NodeClassification(3)
    many = fit_many(learner, tiny_graph, task, [5, 6, 7])
    for seed, model in zip([5, 6, 7], many, strict=True):
        assert largest_gap(model, learner.fit(tiny_graph, task, seed)) < 1e-4
    assert largest_gap(many[0], many[1]) > 1e-2


def test_same_negatives_as_single_fits(tiny_links):
    learner = CrossEntropy(GCN(hidden=16, dropout=0.0), epochs=30)
    many = fit_many(learner, tiny_links, LinkPrediction(8), [3, 4])
    for seed, model in zip([3, 4], many, strict=True):
        assert largest_gap(model, learner.fit(tiny_links, LinkPrediction(8), seed)) < 1e-4


@pytest.mark.parametrize("encoder", [GCN, GAT, GIN, GraphSAGE])
def test_same_initial_weights_with_dropout(encoder, tiny_graph):
    learner, task = CrossEntropy(encoder(16), 1, 1e-12), NodeClassification(3)
    for seed, model in zip([1, 2], fit_many(learner, tiny_graph, task, [1, 2]), strict=True):
        fresh = learner.build(tiny_graph, task, seed)
        for a, b in zip(model.model.parameters(), fresh.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-9)


def test_state_and_snapshots_are_those_of_single_fits(tiny_graph):
    learner, task = CrossEntropy(GCN(hidden=8, dropout=0.0), epochs=20), NodeClassification(3)
    for model in fit_many(learner, tiny_graph, task, [0, 1]):
        single = learner.fit(tiny_graph, task, model.seed)
        assert model.snapshots.keys() == single.snapshots.keys()
        for mine, theirs in [(model.optimizer, single.optimizer), *zip(
            model.snapshots.values(), single.snapshots.values(), strict=True
        )]:
            assert mine.keys() == theirs.keys()
            for name in mine:
                assert mine[name].shape == theirs[name].shape
                assert torch.allclose(mine[name], theirs[name], atol=1e-4)


def test_each_model_may_see_its_own_half(tiny_graph):
    learner, task = CrossEntropy(GCN(hidden=8, dropout=0.0), epochs=20), NodeClassification(3)
    halves = torch.stack([tiny_graph.train_mask, tiny_graph.train_mask.clone()])
    halves[0, ::2], halves[1, 1::2] = False, False
    many = fit_many(learner, tiny_graph, task, [0, 0], train_masks=halves)
    for mask, model in zip(halves, many, strict=True):
        half = tiny_graph.clone()
        half.train_mask = mask
        assert torch.equal(model.data.train_mask, mask)
        assert largest_gap(model, learner.fit(half, task, 0)) < 1e-4


def test_unknown_learners_are_run_one_by_one(tiny_graph):
    class Other(CrossEntropy):
        pass

    learner, task = Other(GCN(hidden=8), epochs=5), NodeClassification(3)
    for model in fit_many(learner, tiny_graph, task, [0, 1]):
        assert largest_gap(model, learner.fit(tiny_graph, task, model.seed)) == 0.0


def test_input_is_left_as_it_was(tiny_graph):
    before = tiny_graph.clone()
    fit_many(CrossEntropy(GCN(hidden=8), epochs=3), tiny_graph, NodeClassification(3), [0, 1])
    assert all(torch.equal(tiny_graph[key], before[key]) for key in before.keys())


@pytest.mark.slow
def test_sixteen_cost_far_less_than_sixteen(data_root):
    graphs = pytest.importorskip("graphforget.data.graphs")
    data = graphs.load_graph("cora", data_root)
    learner, task = CrossEntropy(GCN(hidden=64), epochs=10), NodeClassification(7)

    def seconds(seeds) -> float:
        start = time.process_time()
        fit_many(learner, data, task, seeds)
        return time.process_time() - start

    seconds([0])
    assert seconds(range(16)) < 11 * seconds([0])


@pytest.mark.parametrize("encoder", [GCN, GraphSAGE])
def test_sparse_features_change_nothing(encoder, tiny_graph):
    tiny_graph.x = torch.eye(60)[:, :40]
    learner, task = CrossEntropy(encoder(hidden=8, dropout=0.0), epochs=20), NodeClassification(3)
    for model in fit_many(learner, tiny_graph, task, [0, 1]):
        assert largest_gap(model, learner.fit(tiny_graph, task, model.seed)) < 1e-4
