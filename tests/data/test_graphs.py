"""Named graphs: the published sizes, nothing written beside the raw files, clear refusals."""

from __future__ import annotations

import gzip

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.data import cache
from graphforget.data.graphs import GRAPHS, load_graph

SIZES = {  # nodes, edges in both directions, features, classes
    "digits": (1797, 12616, 64, 10),
    "cora": (2708, 10556, 1433, 7),
    "citeseer": (3327, 9104, 3703, 6),
    "pubmed": (19717, 88648, 500, 3),
    "cora_ml": (2995, 16316, 2879, 7),
    "photo": (7650, 238162, 745, 8),
    "actor": (7600, 30019, 932, 5),
    "chameleon": (2277, 36101, 2325, 5),
    "tolokers": (11758, 1038000, 10, 2),
}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("GRAPHFORGET_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.mark.parametrize("name", SIZES)
def test_published_sizes(name, request):
    root = None if name == "digits" else request.getfixturevalue("data_root")
    data = load_graph(name, root)
    classes = int(data.y.max()) + 1
    assert (data.num_nodes, data.num_edges, data.num_features, classes) == SIZES[name]
    assert data.x.dtype == torch.float32 and data.y.dtype == torch.int64
    assert data.is_coalesced()
    if name not in ("actor", "chameleon"):
        assert data.is_undirected() and not data.has_self_loops()


@pytest.mark.parametrize("name", ["cora", "citeseer", "pubmed"])
def test_public_split(name, data_root):
    data = load_graph(name, data_root)
    classes = int(data.y.max()) + 1
    sizes = [int(data[f"{part}_mask"].sum()) for part in ("train", "val", "test")]
    assert sizes == [20 * classes, 500, 1000]


def test_ten_published_splits_are_chosen_by_number(data_root):
    first, other = load_graph("chameleon", data_root), load_graph("chameleon", data_root, split=3)
    assert first.train_mask.shape == (2277,)
    assert not torch.equal(first.train_mask, other.train_mask)
    with pytest.raises(UserError, match="split must be 0 to 9, not 10"):
        load_graph("chameleon", data_root, split=10)


def test_knowledge_graph_has_relations(data_root):
    data = load_graph("wn18rr", data_root)
    assert data.num_nodes == 40943 and int(data.edge_type.max()) == 10
    assert data.edge_split.bincount().tolist() == [86835, 3034, 3134]


def test_the_data_folder_is_not_written_to(data_root, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    copy = tmp_path / "root" / "Cora" / "raw"
    copy.mkdir(parents=True)
    for file in (data_root / "graph" / "Cora" / "raw").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    before = sorted((tmp_path / "root").rglob("*"))
    once, again = load_graph("cora", tmp_path / "root"), load_graph("Cora", tmp_path / "root")
    assert sorted((tmp_path / "root").rglob("*")) == before
    assert torch.equal(once.x, again.x) and torch.equal(once.edge_index, again.edge_index)


def test_damaged_files_leave_nothing_in_the_cache(data_root, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    raw = tmp_path / "root" / "Photo" / "raw"
    raw.mkdir(parents=True)
    (raw / "amazon_electronics_photo.npz").write_bytes(b"not an archive")
    with pytest.raises(UserError, match="photo: cannot read") as refusal:
        load_graph("photo", tmp_path / "root")
    assert "\n" not in str(refusal.value)
    assert not any((tmp_path / "cache").iterdir())


def test_an_incomplete_folder_is_named_and_not_downloaded_into(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    raw = tmp_path / "Cora" / "raw"
    raw.mkdir(parents=True)
    (raw / "ind.cora.x").write_bytes(b"")
    with pytest.raises(UserError, match="missing .*ind.cora.graph"):
        load_graph("cora", tmp_path)
    assert [file.name for file in raw.iterdir()] == ["ind.cora.x"]


def test_missing_files_without_a_network(tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("torch_geometric.datasets.amazon.download_url", unreachable)
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="no raw files in .*Computers.*no network"):
        load_graph("computers", tmp_path)
    assert not any((tmp_path / "cache").iterdir())


def test_no_root_names_the_way_out(monkeypatch):
    monkeypatch.delenv("GRAPHFORGET_DATA", raising=False)
    with pytest.raises(UserError, match="set GRAPHFORGET_DATA"):
        load_graph("cora")
    assert load_graph("digits").num_nodes == 1797


def test_unknown_names_and_folders(tmp_path):
    with pytest.raises(UserError, match="did you mean 'citeseer'"):
        load_graph("citeser", tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        load_graph("cora", tmp_path / "nowhere")
    assert "ogbn-arxiv" in GRAPHS and "digits" in GRAPHS


def test_arxiv_is_read_from_its_archive(tmp_path):
    tables = {
        "raw/edge": "0,1\n1,2\n3,0\n",
        "raw/node-feat": "0.5,1\n1,0\n0,0\n2,2\n",
        "raw/node-label": "4\n0\n1\n2\n",
        "split/time/train": "0\n1\n",
        "split/time/valid": "2\n",
        "split/time/test": "3\n",
    }
    for name, text in tables.items():
        file = tmp_path / "ogbn_arxiv" / f"{name}.csv.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(text.encode()))
    data = load_graph("ogbn-arxiv", tmp_path)
    assert data.num_edges == 6 and data.y.tolist() == [4, 0, 1, 2]
    assert data.test_mask.tolist() == [False, False, False, True]
    (tmp_path / "ogbn_arxiv" / "raw" / "edge.csv.gz").unlink()
    with pytest.raises(UserError, match="unpack the archive"):
        load_graph("ogbn-arxiv", tmp_path)


def test_a_race_for_the_same_entry_has_one_winner(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a").write_text("a")

    def slow(entry):
        if not cache.cache_folder().joinpath("x").exists():
            (cache.cache_folder() / "x").touch()
            cache.build_in_cache("name", raw, "raw", slow)  # the other process, first to finish
        return entry

    cache.build_in_cache("name", raw, "raw", slow)
    entries = [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert len(entries) == 1 and (entries[0] / "raw" / "a").read_text() == "a"
