"""Operators behind layers: surgery that is undone, copied, saved and stacked."""

from __future__ import annotations

import copy

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.nn import GAT, GCN, GIN, GraphSAGE
from graphforget.unlearn.deletion import (
    Deletion,
    behind_layers,
    fixed_first_layer,
    layer_outputs,
)


def masked(count):
    masks = torch.zeros(2, count, dtype=torch.bool)
    masks[:, :2] = True
    return masks


@pytest.mark.parametrize("encoder", [GCN(8), GAT(8), GIN(8), GraphSAGE(8)])
def test_layers_answer_in_order_and_their_hooks_are_gone_afterwards(tiny_graph, encoder):
    model = encoder.build(8, 3, 0).eval()
    plain = model(tiny_graph.x, tiny_graph.edge_index)
    outputs = layer_outputs(model, tiny_graph.x, tiny_graph.edge_index)
    assert [tuple(output.shape) for output in outputs] == [(60, 8), (60, 3)]
    assert torch.equal(outputs[-1], plain)
    with pytest.raises(ZeroDivisionError), behind_layers(model, lambda _place, out: out * (1 / 0)):
        model(tiny_graph.x, tiny_graph.edge_index)
    assert torch.equal(model(tiny_graph.x, tiny_graph.edge_index), plain)


def test_operators_act_at_their_nodes_only(tiny_graph):
    model = GCN(8).build(8, 3, 0).eval()
    deletion = Deletion(model, masked(60), [8, 3], initial=0.5).eval()
    plain = layer_outputs(model, tiny_graph.x, tiny_graph.edge_index)[0]
    changed = deletion.operate(0, plain)
    assert torch.equal(changed[2:], plain[2:])
    torch.testing.assert_close(changed[:2], plain[:2] @ torch.full((8, 8), 0.5))


def test_a_copy_answers_the_same_and_lives_alone(tiny_graph):
    deletion = Deletion(GCN(8).build(8, 3, 0), masked(60), [8, 3]).eval()
    answer = deletion(tiny_graph.x, tiny_graph.edge_index)
    twin = copy.deepcopy(deletion)
    assert torch.equal(twin(tiny_graph.x, tiny_graph.edge_index), answer)
    with torch.no_grad():
        twin.operators[1].fill_(7.0)
    assert torch.equal(deletion(tiny_graph.x, tiny_graph.edge_index), answer)


def test_deletions_stack_and_the_earlier_acts_first(tiny_graph):
    model = GCN(8, layers=1).build(8, 3, 0).eval()
    every = torch.ones(1, 60, dtype=torch.bool)
    inner, outer = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0))
    first = Deletion(model, every, [3])
    second = Deletion(first, every, [3])
    with torch.no_grad():
        first.operators[0].copy_(inner)
        second.operators[0].copy_(outer)
        raw = model(tiny_graph.x, tiny_graph.edge_index)
        answer = second(tiny_graph.x, tiny_graph.edge_index)
    torch.testing.assert_close(answer, raw @ inner @ outer)


def test_another_graph_is_refused(tiny_graph):
    deletion = Deletion(GCN(8).build(8, 3, 0), masked(60), [8, 3])
    with pytest.raises(UserError, match="graph of 60 nodes"):
        deletion(tiny_graph.x[:10], tiny_graph.edge_index[:, :0])


def test_a_fixed_layer_repeats_itself_and_is_freed(tiny_graph):
    model = GCN(8).build(8, 3, 0).eval()
    first = layer_outputs(model, tiny_graph.x, tiny_graph.edge_index)[0]
    with fixed_first_layer(model):
        model(tiny_graph.x, tiny_graph.edge_index)
        again = layer_outputs(model, 2 * tiny_graph.x, tiny_graph.edge_index)[0]
    assert torch.equal(again, first)
    freed = layer_outputs(model, 2 * tiny_graph.x, tiny_graph.edge_index)[0]
    assert not torch.equal(freed, first)
