"""Stages own their parameters, change nothing at first, and nothing global is drawn from."""

from __future__ import annotations

import pytest
import torch
from torch import Generator
from torch_geometric.nn import GCNConv

from graphforget.core.errors import UserError
from graphforget.nn.blocks import StackedGCN, StackShape, propagated, thinned

SHAPES = [
    StackShape(8, 3, hidden=6, blocks=2, rank=2),
    StackShape(8, 3, hidden=6, blocks=3, rank=2, input_rank=2, additive=True),
    StackShape(8, 3, hidden=6, blocks=1, rank=2, input_rank=0),
]


@pytest.fixture(params=SHAPES)
def network(request) -> StackedGCN:
    return StackedGCN(request.param, seeds=(1, 2, 3, 4))


def test_stages_are_disjoint_and_are_all_there_is(network):
    owned = [id(p) for place in range(4) for p in network.stage_parameters(place).values()]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(parameter) for parameter in network.parameters()}


def test_a_shared_parameter_is_refused(network):
    network.stage(2).bias = network.stage(0).bias
    with pytest.raises(UserError, match="stage 2: .* bias shared"):
        network.stage_parameters(2)


def test_a_new_stage_changes_nothing(network, tiny_graph):
    first = StackedGCN(network.shape, seeds=(1,))
    both = StackedGCN(network.shape, seeds=(1, 2))
    both.take_over_head(1)
    x, edge_index = tiny_graph.x, tiny_graph.edge_index
    torch.testing.assert_close(both(x, edge_index), first(x, edge_index), rtol=0, atol=1e-6)


def test_later_stages_can_be_dropped(network, tiny_graph):
    """An answer of two stages does not depend on whether there are more."""
    short = StackedGCN(network.shape, seeds=(1, 2))
    for place in range(2):
        short.set_stage(place, network.stage(place).state_dict())
    x, edge_index = tiny_graph.x, tiny_graph.edge_index
    network.stages = network.stages[:2]
    assert torch.equal(short(x, edge_index), network(x, edge_index))


def test_the_process_generator_is_left_alone(tiny_graph):
    before = torch.random.get_rng_state()
    network = StackedGCN(SHAPES[0], seeds=(1, 2))
    network(tiny_graph.x, tiny_graph.edge_index, Generator().manual_seed(0), dropout=0.5)
    assert torch.equal(before, torch.random.get_rng_state())


def test_one_row_does_not_reach_another_without_an_edge(network, tiny_graph):
    """Nothing is computed over the batch: no mean, no variance."""
    x, alone = tiny_graph.x.clone(), torch.zeros(2, 0, dtype=torch.long)
    before = network(x, alone)
    x[0] = torch.nan
    assert torch.equal(network(x, alone)[1:], before[1:])


def test_stages_adapt_from_the_top_down_and_over_again():
    network = StackedGCN(SHAPES[1], seeds=(1, 2, 3, 4))
    assert [network.block_of(place) for place in range(4)] == [2, 1, 0, 2]


def test_messages_are_those_of_pyg(tiny_graph):
    layer = GCNConv(8, 8, bias=False)
    layer.lin.weight.data = torch.eye(8)
    expected = layer(tiny_graph.x, tiny_graph.edge_index)
    torch.testing.assert_close(propagated(tiny_graph.x, tiny_graph.edge_index), expected)
    x = tiny_graph.x.bfloat16()  # gathered, where there is no sparse product
    torch.testing.assert_close(
        propagated(x, tiny_graph.edge_index).float(), expected, rtol=0.05, atol=0.05
    )


def test_sparse_rows_are_thinned_as_sparse_rows():
    x = torch.eye(50).to_sparse_csr()
    thin = thinned(x, 0.5, Generator().manual_seed(0))
    assert thin.layout is torch.sparse_csr
    assert set(thin.to_dense().diagonal().tolist()) == {0.0, 2.0}
