"""Attention by sparse products answers, and learns, as PyG's does."""

from __future__ import annotations

import copy
import gc

import pytest
import torch
from torch_geometric.nn import GATConv

from graphforget.core.errors import UserError
from graphforget.nn import NormalisedGAT, sparse_features
from graphforget.nn import pattern as patterns
from graphforget.nn.attention import SparseGATConv
from graphforget.nn.pattern import Pattern, WeightedSum, pattern_of

SIZES = [(8, 5, 3), (4, 9, 1), (9, 4, 1)]


def both(sizes, dtype=torch.float64):
    ours = SparseGATConv(*sizes).to(dtype)
    torch.nn.init.normal_(ours.bias)
    theirs = GATConv(*sizes).to(dtype)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("directed", [False, True])
def test_answers_and_gradients_are_those_of_pyg(tiny_graph, sizes, directed):
    ours, theirs = both(sizes)
    edges = torch.cat([tiny_graph.edge_index, torch.tensor([[3, 3], [3, 9]])], 1)
    edges = edges[:, edges[0] <= edges[1]] if directed else edges
    x = torch.randn(60, sizes[0], dtype=torch.float64)
    weigh = torch.randn(60, sizes[1] * sizes[2], dtype=torch.float64)
    found = []
    for layer in (ours, theirs):
        own = x.clone().requires_grad_()
        output = layer(own, edges)
        (output * weigh).sum().backward()
        found.append([output, own.grad, *(p.grad for p in layer.parameters())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_weighted_sum_against_finite_differences():
    pattern = Pattern.of(torch.tensor([[0, 1, 2, 2], [1, 0, 0, 3]]), 4)
    weight = torch.rand(pattern.source.numel(), 2, dtype=torch.float64, requires_grad=True)
    x = torch.rand(4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w, y: WeightedSum.apply(w, y, pattern), (weight, x))


@pytest.mark.parametrize("sparse", [False, True])
def test_without_sparse_products_it_is_pygs_layer(tiny_graph, sparse, monkeypatch):
    ours, theirs = both(SIZES[0], torch.float32)
    x = tiny_graph.x.to_sparse_csr() if sparse else tiny_graph.x
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    monkeypatch.setattr(WeightedSum, "apply", None)
    answer = ours(x, tiny_graph.edge_index)
    torch.testing.assert_close(answer, theirs(tiny_graph.x, tiny_graph.edge_index))


def test_large_scores_do_not_overflow(tiny_graph):
    ours, theirs = both(SIZES[0], torch.float32)
    x = 1e4 * tiny_graph.x
    torch.testing.assert_close(ours(x, tiny_graph.edge_index), theirs(x, tiny_graph.edge_index))


def test_a_pattern_is_kept_while_its_edges_live_unchanged():
    edges = torch.tensor([[0, 1], [1, 0]])
    first = pattern_of(edges, 3)
    assert pattern_of(edges, 3) is first and pattern_of(edges, 4) is not first
    edges[0, 0] = 2
    assert pattern_of(edges, 3).source.tolist() != first.source.tolist()
    gc.collect()  # what other tests left
    count = len(patterns._PATTERNS)
    del edges, first
    gc.collect()
    assert len(patterns._PATTERNS) == count - 1
    with torch.inference_mode():
        assert pattern_of(torch.tensor([[0], [1]]), 2).start.tolist() == [0, 1, 3]


def test_the_network_has_the_published_shape(tiny_graph):
    model = NormalisedGAT().build(1433, 512, seed=0)
    assert sum(p.numel() for p in model.parameters()) == 500_224
    tiny_graph.x = torch.zeros(60, 40).scatter_(1, torch.arange(60)[:, None] % 40, 1.0)
    small = NormalisedGAT(hidden=8, heads=2, layers=3).build(40, 5, seed=0).eval()
    sparse = sparse_features(tiny_graph)
    assert sparse.x.layout is torch.sparse_csr
    dense = small(tiny_graph.x, tiny_graph.edge_index)
    torch.testing.assert_close(small(sparse.x, sparse.edge_index), dense)
    assert dense.shape == (60, 5)
    assert torch.equal(copy.deepcopy(small)(tiny_graph.x, tiny_graph.edge_index), dense)


@pytest.mark.parametrize("field", [{"heads": 3}, {"heads": 0}, {"slope": 1.0}, {"hidden": 0}])
def test_sizes_that_do_not_fit_are_refused(field):
    with pytest.raises(UserError, match="encoder"):
        NormalisedGAT(**{"hidden": 16, "heads": 4, **field})
