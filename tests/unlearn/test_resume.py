"""Resuming: training goes on as if it had never stopped, without the items."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import Refused
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import FineTune, Resume, Retrain, Unlink

TASK = NodeClassification(3)


def test_without_anything_gone_it_is_longer_training(tiny_graph):
    learner = CrossEntropy(encoder=GCN(8, dropout=0.0), epochs=20)
    absent = ForgetRequest("edge", [[0, 59]])
    after = Resume(share=0.5)(learner.fit(tiny_graph, TASK, 0), absent, missing=True)
    longer = replace(learner, epochs=30).fit(after.data, TASK, 0)
    for ours, theirs in zip(after.model.parameters(), longer.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def distances(learner, data, requests, methods):
    """Total variation to a retrained model at the nodes named, summed over the requests."""
    found = dict.fromkeys(methods, 0.0)
    for seed, request in enumerate(requests):
        trained = learner.fit(data, TASK, seed)
        probe, asked = request.probe(data), request.nodes(data)
        oracle = TASK.response(Retrain()(trained, request, seed + 10).model, probe, asked)
        for method in methods:
            answer = TASK.response(method(trained, request, seed).model, probe, asked)
            found[method] += float((answer - oracle).abs().sum(1).mean()) / 2
    return found


def test_memorised_nodes_come_closer_to_retraining_than_by_unlinking(secret):
    learner = CrossEntropy(encoder=GCN(16), epochs=60)
    methods = [Unlink(), Resume(share=0.07), Resume(share=0.2)]
    found = distances(learner, secret.trained.data, [secret.request] * 3, methods)
    assert found[methods[2]] < found[methods[1]] < 0.95 * found[methods[0]]


def test_edges_come_closer_to_retraining_than_by_unlinking(tiny_graph):
    learner = CrossEntropy(encoder=GCN(16), epochs=100)
    methods = [Unlink(), Resume(share=0.04)]
    edges = [ForgetRequest("edge", tiny_graph.edge_index[:, s::100]) for s in range(4)]
    found = distances(learner, tiny_graph, edges, methods)
    assert found[methods[1]] < found[methods[0]]


def test_requests_can_follow_one_another(secret, tmp_path):
    first = Resume()(secret.trained, ForgetRequest("node", secret.request.index[:3]))
    first.save(tmp_path / "run")
    rest = ForgetRequest("node", secret.request.index[3:])
    second = Resume()(Trained.load(tmp_path / "run"), rest)
    assert float(second.optimizer["convs.0.lin.weight.step"]) == 150 + 15 + 15
    assert len(second.history) == 2
    third = Resume()(FineTune()(secret.trained, secret.request), ForgetRequest("node", [8]))
    assert float(third.optimizer["convs.0.lin.weight.step"]) == 15 + 15


def test_without_the_optimizer_it_refuses_and_names_the_way_out(secret):
    with pytest.raises(Refused, match="use FineTune"):
        Resume()(replace(secret.trained, optimizer={}), secret.request)
