"""Regions part the items; models are asked as a stranger would ask; leftovers are found."""

from __future__ import annotations

import pytest
import torch

from graphforget.audit.answers import answer
from graphforget.audit.artefacts import artefacts
from graphforget.audit.regions import regions
from graphforget.audit.utility import scores
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from tests.audit import methods

TASK = NodeClassification(3)
REQUESTS = [
    ForgetRequest("node", [0, 5]),
    ForgetRequest("feature", [0, 5]),
    ForgetRequest("class", [1]),
]


@pytest.fixture(scope="module")
def original(noisy_graph, learner):
    return learner.fit(noisy_graph, TASK, 0)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.kind)
def test_every_node_is_in_one_region(request_, original):
    where = regions(original, request_)
    parts = torch.cat([where.forgotten, where.ring, where.rest, where.test, where.same_class])
    assert parts.sort().values.tolist() == list(range(original.data.num_nodes))
    near = request_.affected(original.data, 2)
    assert near[where.ring].all() and not near[where.rest].any()


def test_links_are_parted_too(tiny_links, learner):
    task = LinkPrediction(8)
    trained = Trained(learner.build(tiny_links, task, 0), tiny_links, task)
    request = ForgetRequest("edge", tiny_links.edge_index[:, :6])
    where = regions(trained, request)
    count = where.forgotten.size(1) + where.ring.size(1) + where.rest.size(1)
    assert count == task.train_items(tiny_links).size(1)
    assert where.forgotten.size(1) == request.size
    found = answer(trained, trained, request, where)
    assert found.margin["test"].shape == (where.test.size(1),)


def test_large_regions_are_sampled_alike(original):
    first, again = (regions(original, REQUESTS[0], at_most=10, seed=4) for _ in range(2))
    assert first.ring.numel() == 10
    assert torch.equal(first.ring, again.ring)


def test_forgotten_nodes_are_asked_about_without_their_links(original):
    request = REQUESTS[0]
    where = regions(original, request)
    after = methods.Unlink()(original, request)
    with torch.no_grad():
        probe = request.probe(original.data)
        alone = original.model(probe.x, probe.edge_index)[where.forgotten].softmax(-1)
        linked = original.model(original.data.x, original.data.edge_index)[where.forgotten]
    assert torch.equal(answer(after, original, request, where).probability["forgotten"], alone)
    own = answer(original, original, request, where).probability["forgotten"]
    assert torch.equal(own, linked.softmax(-1))


@pytest.mark.parametrize("request_", [*REQUESTS, ForgetRequest("edge", [[0, 20]])],
                         ids=lambda request: request.kind)
def test_leftovers_in_data_are_found(request_, noisy_graph):
    data = noisy_graph.clone()
    extra = torch.tensor([[0, 20], [20, 0]])
    data.edge_index = torch.cat([data.edge_index, extra], dim=1)
    assert request_.held_by(data)
    assert not request_.held_by(request_.retained(data), data)


def test_held_out_links_of_a_forgotten_node_are_leftovers(tiny_links):
    node = int(tiny_links.test_pos_edge_index[0, 0])
    request = ForgetRequest("node", [node])
    data = request.retained(tiny_links)
    assert not request.held_by(data, tiny_links)
    data.test_pos_edge_index = tiny_links.test_pos_edge_index
    assert request.held_by(data, tiny_links)


def test_leftover_states_are_found(original):
    request = REQUESTS[0]
    clean = methods.RetrainApart()(original, request)
    assert artefacts(original, clean, request) == []
    kept = Trained(clean.model, clean.data, TASK, optimizer=original.optimizer)
    assert "optimiser" in artefacts(original, kept, request)[0]


def test_recall_of_a_forgotten_class(original):
    request = REQUESTS[2]
    before = scores(original, original, request)
    after = scores(methods.RetrainApart()(original, request), original, request)
    assert before["forgotten_class_recall"] > 0.4
    assert after["forgotten_class_recall"] < 0.1
    assert after["other_classes_accuracy"] > 0.8
