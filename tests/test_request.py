"""A request is its content: order, repeats and direction do not change it, and inputs stay."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.nn import GCNConv

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest

ids = st.lists(st.integers(0, 50), min_size=1, max_size=8)
pairs = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=8)


@given(ids, st.randoms())
def test_order_and_repeats_of_ids_do_not_change_the_digest(index, random):
    shuffled = index + index
    random.shuffle(shuffled)
    assert ForgetRequest("node", index).digest == ForgetRequest("node", shuffled).digest


@given(pairs)
def test_direction_does_not_change_an_edge_but_does_an_interaction(index):
    turned = [(b, a) for a, b in index]
    assert ForgetRequest("edge", index) == ForgetRequest("edge", turned)
    first = ForgetRequest("interaction", index)
    assert set(first.index) == set(index)


def test_kind_and_ids_change_the_digest_and_the_name_does_not():
    digests = {ForgetRequest(kind, [1]).digest for kind in ForgetRequest.FLAT}
    assert len(digests) == len(ForgetRequest.FLAT)
    assert ForgetRequest("node", [1]).digest != ForgetRequest("node", [2]).digest
    assert ForgetRequest("node", [1], id="a").digest == ForgetRequest("node", [1]).digest


def test_a_request_takes_tensors_and_survives_pickling():
    request = ForgetRequest("edge", torch.tensor([[3, 1], [2, 4]]), id="r", reason="withdrawn")
    assert request.index == ((1, 4), (2, 3))
    assert pickle.loads(pickle.dumps(request)) == request
    assert request.tensor.tolist() == [[1, 2], [4, 3]]


@pytest.mark.parametrize(
    ("kind", "index"),
    [
        ("vertex", [1]),
        ("node", []),
        ("node", [-1]),
        ("node", [1.0]),
        ("node", [True]),
        ("node", ["1"]),
        ("node", [None]),
        ("node", [[1]]),
        ("node", 3),
        ("node", {"1": 2}),
        ("node", [2**53]),
        ("node", [10**400]),
        ("edge", [1, 2]),
        ("edge", [[1, 2, 3]]),
        ("edge", [[1, [2]]]),
        ("edge", [[1, -2]]),
        ("edge", [[1, 2.5]]),
    ],
)
def test_malformed_ids_are_refused_in_one_line(kind, index):
    with pytest.raises(UserError) as error:
        ForgetRequest(kind, index)
    assert len(str(error.value).splitlines()) == 1 and len(str(error.value)) < 250


@pytest.mark.parametrize(
    "extra", [{"id": ""}, {"id": 3}, {"received_at": "yesterday"}, {"reason": "x" * 1001}]
)
def test_malformed_notes_are_refused(extra):
    with pytest.raises(UserError):
        ForgetRequest("node", [1], **extra)


def copies(data):
    return {key: value.clone() for key, value in data.items()}


def unchanged(data, before):
    return set(data.keys()) == set(before) and all(torch.equal(data[k], before[k]) for k in before)


@pytest.mark.parametrize(
    ("kind", "index"), [("node", [0, 25]), ("feature", [3]), ("class", [1]), ("edge", None)]
)
def test_retained_leaves_its_input_alone_and_keeps_the_ids(tiny_graph, kind, index):
    index = index if index is not None else tiny_graph.edge_index[:, :3].t().tolist()
    before = copies(tiny_graph)
    request = ForgetRequest(kind, index)
    retained = request.retained(tiny_graph)
    assert unchanged(tiny_graph, before)
    assert retained.num_nodes == tiny_graph.num_nodes
    assert not all(torch.equal(retained[k], before[k]) for k in before)


def test_forgotten_nodes_are_isolated_blank_and_unlabelled(tiny_graph):
    retained = ForgetRequest("node", [0, 25]).retained(tiny_graph)
    gone = torch.tensor([0, 25])
    assert not torch.isin(retained.edge_index, gone).any()
    assert retained.x[gone].abs().sum() == 0
    assert (retained.y[gone] == -1).all()
    assert not any(retained[m][gone].any() for m in ("train_mask", "val_mask", "test_mask"))
    kept = ~torch.isin(tiny_graph.edge_index, gone).any(0)
    assert torch.equal(retained.edge_index, tiny_graph.edge_index[:, kept])


def test_nothing_else_that_is_said_of_a_forgotten_node_stays(tiny_graph):
    tiny_graph.pos = torch.ones(60, 2)
    tiny_graph.joined = torch.full((60,), 2024)
    tiny_graph.staff = torch.ones(60, dtype=torch.bool)
    tiny_graph.edge_attr = torch.ones(tiny_graph.num_edges)
    tiny_graph.scale = torch.ones(3)
    request = ForgetRequest("node", [0, 25])
    retained, gone = request.retained(tiny_graph), torch.tensor([0, 25])
    for name in ("pos", "joined", "staff"):
        assert not retained[name][gone].any() and not request.probe(tiny_graph)[name][gone].any()
        assert retained[name].count_nonzero() == tiny_graph[name].count_nonzero() * 58 // 60
    assert retained.edge_attr.all() and retained.scale.all() and tiny_graph.pos.all()


def test_a_class_leaves_but_its_test_nodes_stay(tiny_graph):
    request = ForgetRequest("class", [1])
    retained = request.retained(tiny_graph)
    of_class = tiny_graph.y == 1
    named = (of_class & ~tiny_graph.test_mask).nonzero().flatten()
    assert torch.equal(request.nodes(tiny_graph), named)
    assert (retained.y[of_class & tiny_graph.test_mask] == 1).all()
    assert (retained.y[of_class & ~tiny_graph.test_mask] == -1).all()


@pytest.mark.parametrize("kind", ["node", "feature"])
def test_the_nodes_named_are_on_the_device_of_the_graph(tiny_graph, kind):
    elsewhere = tiny_graph.to("meta")  # stands for any device but the CPU
    assert ForgetRequest(kind, [0]).nodes(elsewhere).device.type == "meta"


def test_both_directions_of_an_edge_leave_with_their_attributes(tiny_graph):
    tiny_graph.edge_attr = torch.arange(tiny_graph.num_edges).float()
    u, v = tiny_graph.edge_index[:, 5].tolist()
    retained = ForgetRequest("edge", [[v, u]]).retained(tiny_graph)
    assert retained.num_edges == tiny_graph.num_edges - 2
    assert retained.edge_attr.numel() == retained.num_edges
    pairs = set(map(tuple, retained.edge_index.t().tolist()))
    assert (u, v) not in pairs and (v, u) not in pairs


def test_a_held_out_edge_leaves_the_evaluation_too(tiny_links):
    pair = tiny_links.test_pos_edge_index[:, 0].tolist()
    request = ForgetRequest("edge", [pair])
    request.check(tiny_links)
    retained = request.retained(tiny_links)
    assert retained.test_pos_edge_index.size(1) == tiny_links.test_pos_edge_index.size(1) - 1
    assert retained.num_edges == tiny_links.num_edges


def test_the_probe_shows_the_items_own_features_and_nothing_else(tiny_graph):
    request = ForgetRequest("node", [0])
    probe = request.probe(tiny_graph)
    assert torch.equal(probe.x, tiny_graph.x)
    assert torch.equal(probe.edge_index, request.retained(tiny_graph).edge_index)
    assert probe.y[0] == -1


@pytest.mark.parametrize(
    ("kind", "index"),
    [("node", [60]), ("class", [7]), ("edge", [[0, 60]]), ("user", [1]), ("interaction", [[0, 1]])],
)
def test_what_the_graph_does_not_hold_is_an_error(tiny_graph, kind, index):
    with pytest.raises(UserError):
        ForgetRequest(kind, index).check(tiny_graph)


def test_a_missing_edge_is_an_error_unless_allowed(tiny_graph):
    present = set(map(tuple, tiny_graph.edge_index.t().tolist()))
    absent = next((0, v) for v in range(1, 60) if (0, v) not in present)
    request = ForgetRequest("edge", [absent])
    with pytest.raises(UserError, match="--missing ignore"):
        request.check(tiny_graph)
    request.check(tiny_graph, missing=True)


@pytest.mark.parametrize("kind", ["node", "edge", "feature", "class"])
def test_nothing_outside_the_affected_set_changes_its_output(tiny_graph, kind):
    index = {"node": [4], "feature": [4], "class": [0]}.get(
        kind, tiny_graph.edge_index[:, :1].t().tolist()
    )
    request = ForgetRequest(kind, index)
    torch.manual_seed(0)
    conv = GCNConv(tiny_graph.num_features, 5)
    with torch.no_grad():
        before = conv(tiny_graph.x, tiny_graph.edge_index)
        retained = request.retained(tiny_graph)
        after = conv(retained.x, retained.edge_index)
    changed = (before != after).any(1)
    affected = request.affected(tiny_graph, hops=1)
    assert not (changed & ~affected).any()
    assert changed.any()
