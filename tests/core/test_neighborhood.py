from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data
from torch_geometric.utils import k_hop_subgraph, subgraph

from graphforget.core.errors import UserError
from graphforget.core.neighborhood import Adjacency, induced


@st.composite
def graphs(draw) -> tuple[int, torch.Tensor, torch.Tensor]:
    """Number of nodes, directed edges (2, E) with loops and repeats, some nodes (K,)."""
    size = draw(st.integers(1, 25))
    node = st.integers(0, size - 1)
    pairs = draw(st.lists(st.tuples(node, node), max_size=60))
    chosen = draw(st.lists(node, min_size=1, max_size=6))
    return size, torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T, torch.tensor(chosen)


@settings(deadline=None)
@given(graphs(), st.integers(0, 4))
def test_khop_equals_the_scan_of_all_edges(graph, hops) -> None:
    size, edge_index, nodes = graph
    wanted, *_ = k_hop_subgraph(nodes, hops, edge_index, num_nodes=size)
    assert Adjacency.of(edge_index, size).khop(nodes, hops).tolist() == wanted.tolist()


@settings(deadline=None)
@given(graphs())
def test_induced_equals_pyg(graph) -> None:
    size, edge_index, nodes = graph
    weight = torch.arange(edge_index.size(1))
    data = Data(edge_index=edge_index, edge_attr=weight, x=torch.rand(size, 2), num_nodes=size)
    part = induced(data, nodes)
    edges, attr = subgraph(
        nodes.unique(), edge_index, weight, relabel_nodes=True, num_nodes=size
    )
    assert torch.equal(part.edge_index, edges) and torch.equal(part.edge_attr, attr)
    assert torch.equal(part.x, data.x[part.n_id])
    assert part.num_nodes == len(part.n_id) == len(set(nodes.tolist()))


@settings(deadline=None)
@given(graphs())
def test_edges_and_degrees_are_those_of_the_edge_list(graph) -> None:
    size, edge_index, nodes = graph
    adjacency = Adjacency.of(edge_index, size)
    into = adjacency.edges_into(nodes.unique())
    assert set(into.tolist()) == set(torch.isin(edge_index[1], nodes).nonzero()[:, 0].tolist())
    assert torch.equal(adjacency.neighbors(nodes.unique()), edge_index[0, into])
    assert adjacency.degree.tolist() == torch.bincount(edge_index[1], minlength=size).tolist()


def test_induced_cuts_labels_and_masks_and_leaves_the_input(tiny_graph) -> None:
    tiny_graph.name = "tiny"
    before = tiny_graph.clone()
    nodes = torch.arange(5, 50)
    part = induced(tiny_graph, nodes)
    assert torch.equal(part.y, tiny_graph.y[nodes])
    assert torch.equal(part.train_mask, tiny_graph.train_mask[nodes])
    assert part.name == "tiny"
    assert all(torch.equal(before[key], tiny_graph[key]) for key in ("x", "edge_index", "y"))


def test_cutting_twice_leads_home(tiny_graph) -> None:
    once = induced(tiny_graph, torch.arange(20, 50))
    twice = induced(once, torch.tensor([3, 7, 9]))
    assert twice.n_id.tolist() == [23, 27, 29]
    assert torch.equal(twice.x, tiny_graph.x[twice.n_id])


def test_held_out_pairs_stay_outside_even_as_many_as_nodes(tiny_graph) -> None:
    tiny_graph.val_pos_edge_index = torch.zeros(2, 60, dtype=torch.long)
    assert "val_pos_edge_index" not in induced(tiny_graph, torch.arange(10))


def test_no_nodes_give_an_empty_graph(tiny_graph) -> None:
    part = induced(tiny_graph, torch.tensor([], dtype=torch.long))
    assert part.num_nodes == 0 and part.edge_index.shape == (2, 0)


@pytest.mark.parametrize("nodes", [[-1], [60]])
def test_ids_outside_the_graph_are_refused(tiny_graph, nodes) -> None:
    adjacency = Adjacency.of(tiny_graph.edge_index, 60)
    with pytest.raises(UserError, match=r"0\.\.59"):
        adjacency.khop(torch.tensor(nodes), 1)
    with pytest.raises(UserError, match=r"0\.\.59"):
        induced(tiny_graph, torch.tensor(nodes))
