"""Removal, repair, poison and the access log: what is declared untouched is so, bit for bit."""

from __future__ import annotations

import pytest

from graphforget.exact.graph_check import GraphTrial, telling_requests
from graphforget.exact.graph_recipe import StackedStages, WholeModel
from graphforget.exact.plan import Plan
from graphforget.learn import CrossEntropy
from graphforget.nn import GAT, GCN
from graphforget.request import ForgetRequest

SMALL = {"hidden": 8, "rank": 2, "epochs": 4}
GCN_MODEL = CrossEntropy(encoder=GCN(hidden=8, dropout=0.3), epochs=4, snapshots=())
GAT_MODEL = CrossEntropy(encoder=GAT(hidden=8, heads=2), epochs=3, snapshots=())
CHAINS, SUBSETS = Plan.chains(2, 3, orders=2), Plan.subsets(2, 3)
SYSTEMS = {
    "chains": (CHAINS, StackedStages(3, **SMALL)),
    "additive": (Plan.chains(2, 3, 3), StackedStages(3, additive=True, input_rank=2, **SMALL)),
    "published": (CHAINS, StackedStages(3, input_rank=0, dropout=0.0, **SMALL)),
    "subsets": (SUBSETS, WholeModel(3, learner=GCN_MODEL)),
    "attention": (Plan.subsets(1, 3), WholeModel(3, learner=GAT_MODEL)),
    "public": (Plan.chains(2, 3, 2, public=range(0, 60, 4)), StackedStages(3, **SMALL)),
}
FEW = ("chains", "subsets")


@pytest.fixture(params=[
    name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in SYSTEMS
])
def trial(request, tiny_graph) -> GraphTrial:
    plan, recipe = SYSTEMS[request.param]
    return GraphTrial(tiny_graph, plan, recipe)


def test_removal(trial):
    """Hubs, slice borders, every position, edges, features, several at once."""
    told = 0
    for request in telling_requests(trial.data, trial.plan):
        result = trial.removal(request)
        assert not result.leaked, request
        told += result.told
    assert told >= trial.plan.shards * trial.plan.slices, "most items must have mattered"


@pytest.mark.slow
@pytest.mark.parametrize("system", FEW)
def test_removal_of_every_node(system, tiny_graph):
    trial = GraphTrial(tiny_graph, *SYSTEMS[system])
    results = [trial.removal(ForgetRequest("node", (node,))) for node in range(60)]
    assert not any(result.leaked for result in results)
    assert sum(result.told for result in results) > 50


def test_repair_equals_training_without(trial):
    for request in telling_requests(trial.data, trial.plan)[::3]:
        assert trial.repair(request) == (), request


def test_repair_after_a_class_was_forgotten(trial):
    assert trial.repair(ForgetRequest("class", (1,))) == ()


def test_poison(trial):
    assert trial.poison() == ()


def test_nothing_forbidden_is_read(trial):
    assert trial.forbidden_reads() == ()


def test_an_edge_between_shards_taught_nothing(tiny_graph):
    trial = GraphTrial(tiny_graph, *SYSTEMS["chains"])
    shard, _ = trial.plan.placement.of(range(60))
    source, target = tiny_graph.edge_index.tolist()
    across = [(a, b) for a, b in zip(source, target, strict=True) if shard[a] != shard[b]]
    for edge in across[:3]:
        result = trial.removal(ForgetRequest("edge", (edge,)))
        assert result.leaked == result.changed == result.unchanged == ()
