"""Slice files: what is read, what is forgotten, and what is not there."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.core.files import sha256_of_tensors
from graphforget.core.neighborhood import induced
from graphforget.exact.graph_source import GraphSource, slice_path
from graphforget.exact.plan import Plan
from graphforget.exact.source import DamagedRows
from graphforget.request import ForgetRequest
from graphforget.run_folder import data_tensors

PLAN = Plan.chains(2, 3, 2)


@pytest.fixture
def source(tmp_path, tiny_graph) -> GraphSource:
    return GraphSource.write(tmp_path / "source", tiny_graph, PLAN)


def places() -> tuple[np.ndarray, np.ndarray]:
    return PLAN.placement.of(range(60))


def node_in(shard: int, slice: int) -> int:
    of_shard, of_slice = places()
    return int(((of_shard == shard) & (of_slice == slice)).nonzero()[0][0])


def pair(data: Data, same_shard: bool, same_slice: bool) -> tuple[int, int]:
    shard, slice = map(torch.from_numpy, places())
    (a, b) = data.edge_index
    fits = ((shard[a] == shard[b]) == same_shard) & ((slice[a] == slice[b]) == same_slice)
    return tuple(data.edge_index[:, fits][:, 0].tolist())


def files(source: GraphSource) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in source.folder.rglob("*.safetensors")}


@pytest.mark.parametrize("slices", [(0,), (2, 0), (0, 1, 2)])
def test_rows_are_the_induced_graph(source, tiny_graph, slices):
    shard, slice = map(torch.from_numpy, places())
    nodes = ((shard == 1) & torch.isin(slice, torch.tensor(slices))).nonzero().view(-1)
    rows, expected = source.rows(1, slices), induced(tiny_graph, nodes)
    back = rows.n_id.argsort()
    assert torch.equal(rows.n_id[back], expected.n_id)
    for name in ("x", "y", "train_mask", "val_mask", "test_mask"):
        assert torch.equal(rows[name][back], expected[name])
    assert set(map(tuple, rows.n_id[rows.edge_index].T.tolist())) == set(
        map(tuple, expected.n_id[expected.edge_index].T.tolist())
    )


def test_the_whole_graph_comes_back(source, tiny_graph):
    whole = source.whole()
    assert torch.equal(whole.x, tiny_graph.x) and torch.equal(whole.y, tiny_graph.y)
    assert set(map(tuple, whole.edge_index.T.tolist())) == set(
        map(tuple, tiny_graph.edge_index.T.tolist())
    )
    assert source.ids().tolist() == list(range(60))


def test_the_order_of_rows_and_edges_given_does_not_matter(tmp_path, source, tiny_graph):
    data = tiny_graph.clone()
    data.edge_index = data.edge_index.flip(1)
    other = GraphSource.write(tmp_path / "other", data, PLAN)
    assert all(source.digest(1, path) == other.digest(1, path) for path in PLAN.stages)


def test_one_node_less_leaves_the_order_of_the_others(source):
    node = node_in(1, 2)
    before = source.rows(1, (0, 1, 2)).n_id
    source.forget(ForgetRequest("node", (node,)))
    assert torch.equal(source.rows(1, (0, 1, 2)).n_id, before[before != node])


def test_only_its_own_slices_are_read(source):
    source.reads.clear()
    source.rows(1, (2, 0))
    assert set(source.reads) == {(1, frozenset(s)) for s in ((0,), (2,), (0, 2))}
    slice_path(source.folder, 1, 1).unlink()
    source.rows(1, (2, 0))
    with pytest.raises(UserError, match="slice-0001"):
        source.rows(1, (1,))


@pytest.mark.parametrize("kind", ["node", "feature", "edge", "class"])
def test_forgetting_is_the_retained_graph(tmp_path, source, tiny_graph, kind):
    index = ((1,), (node_in(0, 1), node_in(1, 2)))[kind in ("node", "feature")]
    if kind == "edge":
        index = (pair(tiny_graph, True, True), pair(tiny_graph, True, False),
                 pair(tiny_graph, False, False))
    request = ForgetRequest(kind, index)
    expected = GraphSource.write(tmp_path / "retained", request.retained(tiny_graph), PLAN)
    memory = source.without(source.whole(), request)
    source.forget(request)
    for shard in range(2):
        for path in PLAN.stages:
            assert source.digest(shard, path) == expected.digest(shard, path)
    tensors = data_tensors(source.whole())
    assert sha256_of_tensors(tensors) == sha256_of_tensors(data_tensors(expected.whole()))
    assert sha256_of_tensors(tensors) == sha256_of_tensors(data_tensors(memory))
    before = files(source)
    source.forget(request)
    assert files(source) == before
    assert source.outstanding(request, missing=True) is None
    assert source.hits(request) == {}


def test_a_forgotten_node_is_in_no_file(source, tiny_graph):
    node = node_in(0, 0)
    marker = torch.full((8,), 1234.5)
    tiny_graph.x[node] = marker
    source = GraphSource.write(source.folder.parent / "marked", tiny_graph, PLAN)
    assert any(marker.numpy().tobytes() in content for content in files(source).values())
    source.forget(ForgetRequest("node", (node,)))
    assert not any(marker.numpy().tobytes() in content for content in files(source).values())
    assert node not in source.ids()


def test_hits(source, tiny_graph):
    shard, slice = places()
    a, b = pair(tiny_graph, True, False)
    assert source.hits(ForgetRequest("edge", [(a, b)])) == {
        shard[a]: frozenset({frozenset({slice[a], slice[b]})})
    }
    assert source.hits(ForgetRequest("edge", [pair(tiny_graph, False, False)])) == {}
    both = ForgetRequest("node", (node_in(1, 0), node_in(1, 2)))
    assert source.hits(both) == {1: frozenset({frozenset({0}), frozenset({2})})}
    one = ForgetRequest("feature", (node_in(0, 1),))
    assert source.hits(one) == {0: frozenset({frozenset({1})})}


def test_an_untouched_stage_keeps_its_digest(source, tiny_graph):
    """A stage of slice 2 does not notice that a neighbour in slice 0 of its nodes is gone."""
    before = {path: source.digest(1, path) for path in PLAN.stages}
    request = ForgetRequest("node", (node_in(1, 0),))
    alive = PLAN.alive(source.hits(request)[1])
    source.forget(request)
    same = {path for path in PLAN.stages if source.digest(1, path) == before[path]}
    assert same == set(alive) and same


def test_killed_in_between_it_is_finished_the_second_time(source, monkeypatch):
    request = ForgetRequest("node", (node_in(0, 0), node_in(1, 1)))
    expected = GraphSource.write(
        source.folder.parent / "expected", request.retained(source.whole()), PLAN
    )
    written = []

    def dies(path, rows):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        return real(path, rows)

    import graphforget.exact.slice_removal as module

    real = module.write_slice
    monkeypatch.setattr(module, "write_slice", dies)
    with pytest.raises(KeyboardInterrupt):
        source.forget(request)
    monkeypatch.setattr(module, "write_slice", real)
    again = GraphSource(source.folder)
    assert again.outstanding(request) == request
    again.forget(request)
    assert all(again.digest(s, p) == expected.digest(s, p) for s in (0, 1) for p in PLAN.stages)


def test_damage_is_told_by_shard_and_all_else_is_done(source, tiny_graph):
    shard, _ = places()
    between = pair(tiny_graph, False, False)
    path = slice_path(source.folder, 0, 2)
    path.write_bytes(b"torn")
    with pytest.raises(DamagedRows, match="shard 0: slice file .*slice-0002") as told:
        source.forget(ForgetRequest("node", tuple(range(0, 60, 7))))
    assert list(told.value.why) == [0]
    assert list(pickle.loads(pickle.dumps(told.value)).why) == [0]
    left = source.outstanding(ForgetRequest("node", tuple(range(0, 60, 7))))
    assert left.index == tuple(node for node in range(0, 60, 7) if shard[node] == 0)
    assert not set(source.rows(1, (0, 1, 2)).n_id.tolist()) & set(range(0, 60, 7))
    source.forget(ForgetRequest("edge", (between,)))  # stands in no slice file


@pytest.mark.parametrize(
    "kind, index, message",
    [
        ("node", (3, 60), "wanted ids below 60"),
        ("edge", ((3, 75),), "wanted ids below 60"),
        ("class", (7,), "wanted classes below 3"),
        ("user", (1,), "use the recsys command"),
    ],
)
def test_what_never_was_is_refused(source, kind, index, message):
    with pytest.raises(UserError, match=message):
        source.outstanding(ForgetRequest(kind, index))


def test_an_edge_that_is_not_there_is_refused_unless_let_pass(source, tiny_graph):
    linked = set(map(tuple, tiny_graph.edge_index.T.tolist()))
    absent = next((0, b) for b in range(1, 60) if (0, b) not in linked)
    request = ForgetRequest("edge", (absent,))
    with pytest.raises(UserError, match=re.escape(f"the first is {list(absent)}")):
        source.outstanding(request)
    assert source.outstanding(request, missing=True) is None
    source.forget(ForgetRequest("node", (0,)))
    assert source.outstanding(request) is None  # it went with its node


def test_what_is_left_of_a_request(source):
    source.forget(ForgetRequest("node", (3, 4)))
    left = source.outstanding(ForgetRequest("node", (3, 5), id="mine"))
    assert left == ForgetRequest("node", (5,), id="mine")
    assert source.outstanding(ForgetRequest("feature", (3,))) is None


def test_bad_folders_and_plans(tmp_path, source, tiny_graph):
    with pytest.raises(UserError, match="fewer shards or slices"):
        GraphSource.write(tmp_path / "many", tiny_graph, Plan.chains(8, 8, 1))
    with pytest.raises(UserError, match="choose another name"):
        GraphSource.write(source.folder, tiny_graph, PLAN)
    with pytest.raises(UserError, match="write one with GraphSource.write"):
        GraphSource(tmp_path / "nothing")
    for name in ("shard-0000/slice-0000", "whole"):
        path = source.folder / f"{name}.safetensors"
        good = path.read_bytes()
        path.write_bytes(good[:-4] + b"oops")  # rows that still are rows, and not those written
        with pytest.raises(UserError, match=f"{name}.*is not what was written"):
            source.rows(0, (0, 1)) if name != "whole" else source.whole()
        path.write_bytes(good)
    (source.folder / "whole.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match="whole.safetensors"):
        source.ids()
    slice_path(source.folder, 0, 1).write_bytes(b"torn")
    with pytest.raises(UserError, match="slice-0001"):
        source.digest(0, (0, 1))
