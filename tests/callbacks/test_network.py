import copy

import pytest
import torch
from torch import nn
from torch_geometric.nn import GCN

from graphforget.callbacks.network import find_network, forget_in_place
from graphforget.core.errors import UserError
from graphforget.learn import CrossEntropy
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.unlearn import GradientAscent, Resume, Unlink

TASK = NodeClassification(3)
REQUEST = ForgetRequest("node", [0, 1, 2])


def trained_network(data, cached=False):
    network = GCN(8, 16, 2, 3, cached=cached)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        TASK.loss(network, data, torch.Generator()).backward()
        optimizer.step()
    return network, optimizer


def test_the_second_moment_stays_and_the_first_goes(tiny_graph):
    network, optimizer = trained_network(tiny_graph)
    before = copy.deepcopy(optimizer.state_dict()["state"])
    ids = [id(p) for p in network.parameters()]
    forget_in_place(network, [optimizer], tiny_graph, TASK, GradientAscent(), REQUEST)
    after = optimizer.state_dict()["state"]
    assert ids == [id(p) for p in network.parameters()] and network.training
    assert all(torch.equal(after[k]["exp_avg_sq"], before[k]["exp_avg_sq"]) for k in before)
    assert not any(after[k]["exp_avg"].any() for k in before)


def test_weights_that_do_not_change_keep_their_momentum(tiny_graph):
    network, optimizer = trained_network(tiny_graph)
    before = copy.deepcopy(optimizer.state_dict()["state"])
    forget_in_place(network, [optimizer], tiny_graph, TASK, Unlink(), REQUEST)
    after = optimizer.state_dict()["state"]
    assert all(torch.equal(after[k]["exp_avg"], before[k]["exp_avg"]) for k in before)


def test_resume_goes_on_with_the_running_optimiser_and_hands_its_state_back(tiny_graph):
    network, optimizer = trained_network(tiny_graph)
    learner = CrossEntropy(epochs=20)
    forget_in_place(network, [optimizer], tiny_graph, TASK, Resume(), REQUEST, learner=learner)
    steps = {float(s["step"]) for s in optimizer.state_dict()["state"].values()}
    assert steps == {7.0}  # five of its own and a tenth of twenty


def test_a_method_that_raises_leaves_everything_as_it_was(tiny_graph):
    class Broken(Unlearner):
        def forget(self, trained, request, seed):
            next(trained.model.parameters()).data.zero_()
            raise RuntimeError("killed")

    network, optimizer = trained_network(tiny_graph)
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(RuntimeError, match="killed"):
        forget_in_place(network, [optimizer], tiny_graph, TASK, Broken(), REQUEST)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_a_cached_layer_does_not_remember_the_graph(tiny_graph):
    network, optimizer = trained_network(tiny_graph, cached=True)
    assert network.convs[0]._cached_edge_index is not None
    forget_in_place(network, [optimizer], tiny_graph, TASK, Unlink(), REQUEST)
    assert network.convs[0]._cached_edge_index is None and network.convs[0].cached


def test_the_network_is_found_or_named(tiny_graph):
    gnn = GCN(8, 16, 2, 3)
    holder = nn.Module()
    holder.model = gnn
    outer = nn.Module()
    outer.inner = holder
    assert find_network(gnn) is gnn and find_network(holder) is gnn
    assert find_network(outer, "inner.model") is gnn
    assert find_network(outer, lambda module: module.inner.model) is gnn
    with pytest.raises(UserError, match="network="):
        find_network(outer)
    with pytest.raises(UserError, match="no submodule"):
        find_network(outer, "inner.encoder")
