"""Samplers: each draws what its name says, from what may be asked for, as the seed decides."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.utils import k_hop_subgraph

from graphforget import data as sample
from graphforget.core.errors import UserError
from graphforget.data.graphs import load_graph
from graphforget.data.memorised import memorisation
from graphforget.data.sample_edges import training_edges
from graphforget.data.split import split_links
from graphforget.protocols import Learner
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained

DRAWN = [sample.random_edges, sample.bridge_edges, sample.random_nodes, sample.features_of]
RANKED = [sample.hub_edges, sample.dissimilar_edges, sample.hub_nodes]
NODES, LINKS = NodeClassification(3), LinkPrediction()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("sampler", [
    *DRAWN, *RANKED, sample.edges_near_test, sample.edges_far_from_test,
])
@pytest.mark.parametrize("graph", ["tiny_graph", "tiny_links"])
def test_a_graph_on_a_graphics_processor_gives_the_same_request(sampler, graph, request):
    data = request.getfixturevalue(graph)
    assert sampler(data.clone().to("cuda"), 3, 1) == sampler(data, 3, 1)


@pytest.mark.parametrize("sampler", DRAWN + RANKED)
@pytest.mark.parametrize("graph", ["tiny_graph", "tiny_links"])
def test_seeds_counts_and_membership(sampler, graph, request):
    data = request.getfixturevalue(graph)
    drawn = sampler(data, 7, 1)
    assert drawn.size == 7 and sampler(data, 7, 1) == drawn
    drawn.check(data)
    if sampler in DRAWN:
        assert sampler(data, 7, 2) != drawn
    if drawn.kind == "edge":
        assert set(drawn.index) <= set(map(tuple, training_edges(data).t().tolist()))
    elif graph == "tiny_graph":
        assert bool(data.train_mask[drawn.tensor].all())
    with pytest.raises(UserError, match="ask for 1 to"):
        sampler(data, 0, 0)
    with pytest.raises(UserError, match="cannot sample 100000 "):
        sampler(data, 100000, 0)


def test_held_out_links_are_not_asked_for(tiny_links):
    everything = sample.random_edges(tiny_links, training_edges(tiny_links).shape[1], 0)
    for part in ("val", "test"):
        held = {tuple(sorted(pair)) for pair in tiny_links[f"{part}_pos_edge_index"].t().tolist()}
        assert not held & set(everything.index)


@pytest.mark.parametrize("task", ["node", "link"])
def test_in_and_out_of_the_two_hop_subgraph(task):
    """Against PyG's own subgraph, on a graph large enough to have an outside."""
    graph = load_graph("digits")
    if task == "link":
        data = split_links(graph, seed=0, val=0.01, test=0.01)
        ends = data.test_pos_edge_index.unique()
    else:
        data = graph
        data.test_mask = torch.zeros(1797, dtype=torch.bool)
        data.test_mask[::60] = True
        ends = data.test_mask.nonzero().view(-1)
    _, inside, _, _ = k_hop_subgraph(ends, 2, data.edge_index, num_nodes=1797)
    pairs = set(map(tuple, inside.t().tolist()))
    every = set(map(tuple, training_edges(data).t().tolist()))
    assert 0 < len(pairs) // 2 < len(every)
    near = sample.edges_near_test(data, len(pairs) // 2, 0)
    far = sample.edges_far_from_test(data, len(every) - len(pairs) // 2, 0)
    assert set(near.index) == pairs & every and set(far.index) == every - pairs


def test_in_and_out_need_test_items():
    path = Data(edge_index=torch.tensor([[0, 1], [1, 2]]), num_nodes=3)
    with pytest.raises(UserError, match="split it first"):
        sample.edges_near_test(path, 1, 0)


def test_hubs_have_the_highest_degree(tiny_graph):
    degree = tiny_graph.edge_index[0].bincount()
    hubs = sample.hub_nodes(tiny_graph, 5, 0).tensor
    others = tiny_graph.train_mask.clone()
    others[hubs] = False
    assert degree[hubs].min() >= degree[others].max()

    edges = training_edges(tiny_graph)
    reach = degree[edges].sum(dim=0).sort(descending=True).values
    chosen = degree[sample.hub_edges(tiny_graph, 9, 0).tensor].sum(dim=0).sort(descending=True)
    assert torch.equal(chosen.values, reach[:9])


def test_the_seed_decides_between_equals():
    ring = torch.stack([torch.arange(30), (torch.arange(30) + 1) % 30])
    data = Data(x=torch.ones(30, 2), edge_index=ring, num_nodes=30)
    for sampler in RANKED:
        assert len({sampler(data, 5, seed) for seed in range(4)}) == 4


def test_bridges_join_communities(tiny_graph):
    u, v = sample.bridge_edges(tiny_graph, 20, 0).tensor
    assert bool((tiny_graph.y[u] != tiny_graph.y[v]).all())
    between = int((tiny_graph.y[training_edges(tiny_graph)].diff(dim=0) != 0).sum())
    with pytest.raises(UserError, match=f"edges between classes: there are {between}"):
        sample.bridge_edges(tiny_graph, between + 1, 0)


def test_bridges_without_labels_are_found_by_overlap():
    data = load_graph("digits")
    y, bare = data.y, Data(x=data.x, edge_index=data.edge_index)
    bridges = sample.bridge_edges(bare, 60, 0).tensor
    chance = (y[data.edge_index[0]] != y[data.edge_index[1]]).float().mean()
    assert (y[bridges[0]] != y[bridges[1]]).float().mean() > 3 * chance


def test_overlap_by_hand():
    """Two triangles joined by the edge (2, 3), whose ends share no neighbour."""
    edges = torch.tensor([[0, 0, 1, 2, 3, 3, 4], [1, 2, 2, 3, 4, 5, 5]])
    assert sample.bridge_edges(Data(edge_index=edges, num_nodes=6), 1, 0).index == ((2, 3),)


def test_dissimilar_ends():
    edges = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
    x = torch.tensor([[1.0, 0], [2, 0.1], [-1, 0], [0, -3]])
    assert sample.dissimilar_edges(Data(x=x, edge_index=edges), 1, 0).index == ((1, 2),)


def test_classes(tiny_graph):
    drawn = sample.nodes_of_class(tiny_graph, 2, 6, 0)
    assert bool((tiny_graph.y[drawn.tensor] == 2).all())
    assert sample.whole_class(tiny_graph, 1).index == (1,)
    for sampler in (
        sample.whole_class,
        lambda data, label: sample.nodes_of_class(data, label, 1, 0),
    ):
        with pytest.raises(UserError, match="no node has label 3; the graph has 0, 1, 2"):
            sampler(tiny_graph, 3)


class _Recall(nn.Module):
    """Answers correctly, but only where it was trained or where anybody could."""

    def __init__(self, sure):
        super().__init__()
        self.sure = nn.Parameter(sure)

    def forward(self, x, edge_index):
        return self.sure


@dataclass(frozen=True)
class _ByHeart(Learner):
    """Learns odd ids by heart; even ids are always right."""

    fitted: list = field(default_factory=list, compare=False)

    def build(self, data, task, seed):
        raise NotImplementedError

    def optimizer(self, parameters):
        raise NotImplementedError

    def fit(self, data, task, seed):
        self.fitted.append(data)
        right = torch.arange(data.num_nodes) % 2 == 0
        if isinstance(task, LinkPrediction):
            right = right | torch.isin(torch.arange(data.num_nodes), data.edge_index)
            return Trained(_Recall(right.float()[:, None]), data, task)
        right = right | data.train_mask
        return Trained(_Recall(nn.functional.one_hot(data.y, 3) * 5.0 * right[:, None]), data, task)


def test_memorised_nodes_are_found(tiny_graph):
    learner = _ByHeart()
    drawn = sample.memorised(tiny_graph, NODES, learner, 15, seed=0)
    assert all(node % 2 == 1 and tiny_graph.train_mask[node] for node in drawn.index)
    assert len(learner.fitted) == 8
    seen = torch.stack([half.train_mask for half in learner.fitted]).sum(dim=0)
    assert torch.equal(seen, 4 * tiny_graph.train_mask.long())
    assert int(tiny_graph.train_mask.sum()) == 30  # the input is as it was


def test_memorised_links_are_found():
    """A link between odd ids exists for the model only when it was trained on it."""
    edges = torch.tensor([[0, 2, 1, 5, 4], [2, 4, 3, 7, 6]])
    data = Data(edge_index=torch.cat([edges, edges.flip(0)], dim=1), num_nodes=8)
    drawn = sample.memorised(data, LINKS, _ByHeart(), 2, seed=0)
    assert drawn.kind == "edge" and drawn.index == ((1, 3), (5, 7))


def test_memorisation_needs_pairs(tiny_graph):
    with pytest.raises(UserError, match="even number"):
        memorisation(tiny_graph, NODES, _ByHeart(), 0, models=3)


@pytest.mark.parametrize(
    "text, same",
    [
        ("edges:5%", lambda d: sample.random_edges(d, 15, 0)),
        ("edges:0.001%", lambda d: sample.random_edges(d, 1, 0)),
        ("edges:10:in", lambda d: sample.edges_near_test(d, 10, 0)),
        ("Edges:1%:HUB", lambda d: sample.hub_edges(d, 3, 0)),
        ("edges:3:bridge", lambda d: sample.bridge_edges(d, 3, 0)),
        ("edges:3:dissimilar", lambda d: sample.dissimilar_edges(d, 3, 0)),
        ("nodes:10%", lambda d: sample.random_nodes(d, 3, 0)),
        ("nodes:4:hub", lambda d: sample.hub_nodes(d, 4, 0)),
        ("nodes:4:class=1", lambda d: sample.nodes_of_class(d, 1, 4, 0)),
        ("nodes:4:memorised", lambda d: sample.memorised(d, NODES, _ByHeart(), 4, 0)),
        ("class:2", lambda d: sample.whole_class(d, 2)),
        (" features:10% ", lambda d: sample.features_of(d, 3, 0)),
    ],
)
def test_the_grammar(text, same, tiny_graph):
    assert training_edges(tiny_graph).shape[1] == 301
    assert sample.parse_sample(text, tiny_graph, NODES, 0, _ByHeart()) == same(tiny_graph)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "edges",
        "edges:",
        "edges:5%:",
        "edges:0",
        "edges:0%",
        "edges:-1",
        "edges:101%",
        "edges:5 %",
    ]
    + ["edges:1e9", "edges:5%:up", "edges:5:class=1", "edges:5:in:out", "nodes:5:in", "nodes:nan%"]
    + ["nodes:5:class=", "nodes:5:class=x", "nodes:5:class=-1", "class:", "class:1:2", "class:a"]
    + ["features:5:hub", "users:5", "nodes:5:class=9", "class:9", "edges:999999999999", "a\nb:5"],
)
def test_malformed_samples(text, tiny_graph):
    with pytest.raises(UserError) as refusal:
        sample.parse_sample(text, tiny_graph, NODES, 0, _ByHeart())
    assert "\n" not in str(refusal.value)


def test_memorised_needs_a_learner_and_the_right_task(tiny_graph, tiny_links):
    with pytest.raises(UserError, match="need a learner"):
        sample.parse_sample("nodes:5:memorised", tiny_graph, NODES, 0)
    with pytest.raises(UserError, match="memorises edges"):
        sample.parse_sample("nodes:5:memorised", tiny_links, LINKS, 0, _ByHeart())


def test_a_million_edges(data_root, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path))
    data = load_graph("tolokers", data_root)
    for sampler in (sample.hub_edges, sample.dissimilar_edges, sample.edges_near_test):
        assert sampler(data, 100, 0).size == 100
