"""Splits: no leakage whatever the graph, the seed decides, public splits are respected."""

from __future__ import annotations

import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.data.graphs import load_graph
from graphforget.data.split import link_codes, split_links, split_nodes

PARTS = ("val_pos", "test_pos", "val_neg", "test_neg")


@st.composite
def graphs(draw):
    nodes = draw(st.integers(3, 30))
    density = draw(st.floats(0.02, 0.98))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    edge_index = (torch.rand(nodes, nodes, generator=generator) < density).nonzero().t()
    return Data(x=torch.zeros(nodes, 1), edge_index=edge_index)  # directed, with loops


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 2**31), st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_no_leakage(data, seed, val, test):
    links = set(link_codes(data.edge_index, data.num_nodes).tolist())
    before = data.edge_index.clone()
    try:
        parts = split_links(data, seed, val, test)
    except UserError:
        return
    assert torch.equal(data.edge_index, before)
    codes = {
        part: [u * data.num_nodes + v for u, v in parts[f"{part}_edge_index"].t().tolist()]
        for part in PARTS
    }
    codes["train"] = link_codes(parts.edge_index, data.num_nodes).tolist()
    assert parts.is_undirected() and parts.edge_index.shape[1] == 2 * len(codes["train"])
    positives = codes["train"] + codes["val_pos"] + codes["test_pos"]
    assert len(positives) == len(links) and set(positives) == links
    negatives = codes["val_neg"] + codes["test_neg"]
    assert len(set(negatives)) == len(negatives) and not links & set(negatives)
    assert all(code // data.num_nodes < code % data.num_nodes for code in negatives)
    assert len(codes["val_neg"]) == len(codes["val_pos"])
    assert len(codes["test_neg"]) == len(codes["test_pos"])


def test_the_seed_decides(tiny_graph):
    once, again, other = (split_links(tiny_graph, seed) for seed in (3, 3, 4))
    for part in PARTS:
        assert torch.equal(once[f"{part}_edge_index"], again[f"{part}_edge_index"])
    assert not torch.equal(once.val_pos_edge_index, other.val_pos_edge_index)
    assert "train_mask" not in once and torch.equal(once.x, tiny_graph.x)


def test_negatives_are_uniform():
    """A path of 12 nodes: each of the 55 unlinked pairs must come up about equally often."""
    path = Data(edge_index=torch.stack([torch.arange(11), torch.arange(1, 12)]), num_nodes=12)
    counts = torch.zeros(144)
    for seed in range(600):
        pairs = split_links(path, seed, 0.1, 0.1)
        for part in ("val_neg", "test_neg"):
            u, v = pairs[f"{part}_edge_index"]
            counts[u * 12 + v] += 1
    seen = counts[counts > 0]
    assert seen.numel() == 55 and seen.sum() == 1200
    assert ((seen - 1200 / 55) ** 2 / (1200 / 55)).sum() < 100  # chi-square, 54 degrees


def test_a_million_edges_take_seconds(data_root, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path))
    data = load_graph("tolokers", data_root)
    start = time.process_time()
    parts = split_links(data, seed=0)
    assert time.process_time() - start < 5
    assert parts.edge_index.shape[1] + 2 * 2 * 25950 == 1_038_000


@pytest.mark.parametrize("val, test", [(0.0, 0.1), (0.5, 0.5), (-1, 0.1), (float("nan"), 0.1)])
def test_impossible_shares(tiny_graph, val, test):
    with pytest.raises(UserError, match="split_links"):
        split_links(tiny_graph, 0, val, test)
    with pytest.raises(UserError, match="split_nodes"):
        split_nodes(tiny_graph, 0, 1 - test, val, replace=True)


def test_too_few_links_or_non_links():
    pair = Data(edge_index=torch.tensor([[0], [1]]), num_nodes=2)
    with pytest.raises(UserError, match="too few"):
        split_links(pair, 0)
    complete = Data(edge_index=torch.ones(20, 20).nonzero().t(), num_nodes=20)
    with pytest.raises(UserError, match="unlinked pairs"):
        split_links(complete, 0)


def test_node_split(tiny_graph):
    y = tiny_graph.y.clone()
    y[::6] = -1
    data = Data(x=tiny_graph.x, edge_index=tiny_graph.edge_index, y=y)
    parts = split_nodes(data, seed=1)
    masks = torch.stack([parts[f"{part}_mask"] for part in ("train", "val", "test")])
    assert masks.sum(dim=1).tolist() == [35, 5, 10]
    assert torch.equal(masks.sum(dim=0), (y >= 0).long())
    assert "train_mask" not in data
    assert torch.equal(split_nodes(data, seed=1).train_mask, parts.train_mask)


def test_a_public_split_stays_unless_asked(tiny_graph):
    assert torch.equal(split_nodes(tiny_graph, 0).train_mask, tiny_graph.train_mask)
    assert not torch.equal(
        split_nodes(tiny_graph, 0, replace=True).train_mask, tiny_graph.train_mask
    )
