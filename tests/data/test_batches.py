"""Batches: each node once an epoch, edges as in the graph, the seed decides."""

from __future__ import annotations

import pickle
import sys
import time

import pytest
import torch
import torch_geometric.typing
from torch_geometric.data import Data

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from graphforget.data import batches
from graphforget.data.batches import ClusterBatches, NeighborBatches, RandomBatches, node_batches
from graphforget.data.datamodule import GraphDataModule
from graphforget.data.graphs import load_graph

pymetis = pytest.importorskip("pymetis")
KINDS = [ClusterBatches, RandomBatches]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 7, 15, 30, 60, 1000])
def test_an_epoch_visits_each_node_once(kind, size, tiny_graph):
    made = kind(tiny_graph, size, seed=0)
    parts = list(made)
    assert len(parts) == len(made) and all(part.num_nodes for part in parts)
    assert size == 1 or len(made) == -(-60 // min(size, 60))
    assert torch.cat([part.n_id for part in parts]).sort().values.tolist() == list(range(60))
    edges = set(map(tuple, tiny_graph.edge_index.t().tolist()))
    for part in parts:
        assert torch.equal(part.x, tiny_graph.x[part.n_id])
        assert torch.equal(part.train_mask, tiny_graph.train_mask[part.n_id])
        inside = set(part.n_id.tolist())
        expected = {(u, v) for u, v in edges if u in inside and v in inside}
        assert set(map(tuple, part.n_id[part.edge_index].t().tolist())) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_epochs_differ_and_seeds_repeat_them(kind, tiny_graph):
    def epochs(seed):
        made = kind(tiny_graph, 15, seed)
        return [[part.n_id.tolist() for part in made] for _ in range(2)]

    assert epochs(3) == epochs(3)
    assert epochs(3)[0] != epochs(3)[1] and epochs(3) != epochs(4)


def test_clusters_keep_more_edges_than_chance():
    digits = load_graph("digits")
    kept = {kind: sum(part.num_edges for part in kind(digits, 200, 0)) for kind in KINDS}
    assert kept[ClusterBatches] > 4 * kept[RandomBatches]


def test_clusters_of_odd_graphs():
    loops = Data(edge_index=torch.tensor([[0, 1, 1, 2], [0, 1, 2, 2]]), num_nodes=9)
    empty = Data(edge_index=torch.empty(2, 0, dtype=torch.int64), num_nodes=9)
    for graph in (loops, empty):
        nodes = torch.cat([part.n_id for part in ClusterBatches(graph, 2, 0)])
        assert nodes.sort().values.tolist() == list(range(9))


def test_parts_are_cut_on_the_device_of_the_graph(tiny_graph, monkeypatch):
    parts = RandomBatches(tiny_graph, 20, seed=0)
    parts.data = tiny_graph.to("meta")  # stands for any device but the CPU
    monkeypatch.setattr(batches, "induced", lambda data, nodes, adjacency: nodes.device.type)
    assert set(parts) == {"meta"}


def test_links_are_batched_without_held_out_pairs(tiny_links):
    for part in ClusterBatches(tiny_links, 20, 0):
        assert part.is_undirected()
        assert int(part.edge_index.max()) < part.num_nodes
        assert "test_pos_edge_index" not in part


def test_what_is_installed_decides(tiny_graph, monkeypatch):
    monkeypatch.setattr(torch_geometric.typing, "WITH_PYG_LIB", True)
    assert type(node_batches(tiny_graph, 10, 0)) is NeighborBatches
    monkeypatch.setattr(torch_geometric.typing, "WITH_PYG_LIB", False)
    assert type(node_batches(tiny_graph, 10, 0)) is ClusterBatches
    monkeypatch.setitem(sys.modules, "pymetis", None)
    assert type(node_batches(tiny_graph, 10, 0)) is RandomBatches
    with pytest.raises(UserError, match="batch size"):
        node_batches(tiny_graph, 0, 0)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device"))])
def test_only_drawn_nodes_of_sampled_neighbourhoods_train(tiny_graph, monkeypatch, device):
    """pyg-lib is rarely installed: its loader is replaced by one that takes all neighbours."""

    def all_neighbors(data, fanout, input_nodes, batch_size):
        assert data.edge_index.device.type == input_nodes.device.type == "cpu"  # it samples there
        adjacency = batches.Adjacency.of(data.edge_index, data.num_nodes)
        yield Data(n_id=adjacency.khop(input_nodes, len(fanout)))

    monkeypatch.setattr("torch_geometric.loader.NeighborLoader", all_neighbors)
    parts = list(NeighborBatches(tiny_graph.to(device), 20, 0))
    drawn = torch.cat([part.n_id[part.train_mask] for part in parts])
    assert drawn.sort().values.tolist() == tiny_graph.train_mask.nonzero().view(-1).tolist()
    assert all(part.num_nodes > int(part.train_mask.sum()) for part in parts)


def test_a_million_edges(data_root, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path))
    data = load_graph("tolokers", data_root)
    start = time.process_time()
    kept = sum(part.num_edges for part in ClusterBatches(data, 3000, 0))
    assert time.process_time() - start < 20
    assert kept > 0.3 * data.num_edges


def test_data_module_feeds_a_trainer(tiny_graph):
    class Seen(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))
            self.sizes = {"train": [], "val": []}

        def training_step(self, batch, index):
            self.sizes["train"].append(batch.num_nodes)
            return self.weight * batch.x.sum()

        def validation_step(self, batch, index):
            self.sizes["val"].append(batch.num_nodes)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    quiet = dict(
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        accelerator="cpu",
    )
    for batch_nodes, sizes in ((0, [60, 60]), (30, None)):
        seen = Seen()
        module = GraphDataModule(tiny_graph, batch_nodes=batch_nodes)
        pl.Trainer(max_epochs=2, **quiet).fit(seen, datamodule=module)
        assert seen.sizes["val"] == [60, 60]
        assert sum(seen.sizes["train"]) == 120
        assert len(seen.sizes["train"]) == len(sizes or range(4))


def test_loaders_pickle(tiny_graph):
    loader = pickle.loads(pickle.dumps(GraphDataModule(tiny_graph).train_dataloader()))
    assert next(iter(loader)).num_nodes == 60
    made = pickle.loads(pickle.dumps(ClusterBatches(tiny_graph, 20, 0)))
    assert len(list(made)) == 3
