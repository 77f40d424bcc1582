"""A user's own graph: what is in the files arrives, and bad files get one clear line each."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.data.own import load_data, load_own

EDGES = np.array([[0, 1, 2], [1, 2, 3]])
X = np.arange(8, dtype=np.float32).reshape(4, 2)
Y = np.array([0, 1, 1, -1])
TRAIN = np.array([True, False, False, False])
VAL, TEST = np.roll(TRAIN, 1), np.roll(TRAIN, 2)
GOOD = dict(edge_index=EDGES, x=X, y=Y, train_mask=TRAIN, val_mask=VAL, test_mask=TEST)


def save(folder, **arrays):
    np.savez(folder / "graph.npz", **arrays)
    return folder / "graph.npz"


def test_npz(tmp_path):
    data = load_own(save(tmp_path, **GOOD))
    assert data.x.tolist() == X.tolist() and data.y.tolist() == Y.tolist()
    assert data.is_undirected() and data.num_edges == 6
    assert data.val_mask.tolist() == VAL.tolist()
    assert torch.equal(
        load_own(tmp_path / "graph.npz", directed=True).edge_index, torch.tensor(EDGES)
    )


def test_npz_without_labels_is_enough_for_links(tmp_path):
    data = load_own(save(tmp_path, edge_index=EDGES.astype(np.uint16), x=X.astype(bool)))
    assert "y" not in data and data.x.dtype == torch.float32


def changed(name, value):
    return {**GOOD, name: value}


@pytest.mark.parametrize(
    "arrays, complaint",
    [
        ({"edge_index": EDGES}, "array 'x' is missing"),
        ({"x": X}, "array 'edge_index' is missing; the file has x"),
        (changed("x", X[:, 0]), "x must have shape"),
        (changed("x", X[:0]), "x must have shape"),
        (changed("x", np.where(X == 5, np.nan, X)), "x is NaN or infinite .* row 2"),
        (changed("x", np.full((4, 2), 1e300)), "x is NaN or infinite"),
        (changed("x", X.astype(complex)), "x must be numbers"),
        (changed("x", np.array([["a", "b"]] * 4)), "x must be numbers"),
        (changed("x", np.array([[{}, 1]] * 4, dtype=object)), "pickled objects"),
        (changed("edge_index", EDGES.T), r"edge_index must be \(2, E\)"),
        (changed("edge_index", EDGES.astype(float)), "edge_index must be whole numbers"),
        (changed("edge_index", EDGES + 1), "found 1 to 4"),
        (changed("edge_index", EDGES - 1), "found -1 to 2"),
        (changed("y", Y[:3]), r"y must have shape \(4,\)"),
        (changed("y", Y.astype(float)), "y must be whole numbers"),
        (changed("y", Y - 1), "found -2"),
        (changed("y", np.maximum(Y, 0) * 10**12), "only 4 nodes"),
        (changed("train_mask", TRAIN[:3]), "train_mask must have shape"),
        (changed("train_mask", TRAIN[:0]), "train_mask must have shape"),
        (changed("train_mask", Y), "train_mask must be true or false"),
        (changed("train_mask", VAL), "in two parts"),
        (changed("train_mask", ~(TRAIN | True)), "no training nodes"),
        (changed("train_mask", np.array([1, 0, 0, 1])), "have no label"),
        ({"edge_index": EDGES, "x": X, "y": Y, "train_mask": TRAIN}, "val, test missing"),
    ],
)
def test_bad_arrays(tmp_path, arrays, complaint):
    refused(save(tmp_path, **arrays), complaint)


def refused(path, complaint):
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(UserError, match=complaint) as refusal:
        load_own(path)
    assert "\n" not in str(refusal.value) and path.name in str(refusal.value)
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"not an archive", b"\x80\x04K\x01."])
def test_files_that_are_no_archive(tmp_path, content):
    (tmp_path / "graph.npz").write_bytes(content)
    refused(tmp_path / "graph.npz", "not a readable")


def test_torn_archives(tmp_path):
    path = save(tmp_path, **GOOD)
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:cut])
        refused(path, "not a readable")
    for at in range(0, len(whole), 89):  # one flipped byte: an error line or a graph, no crash
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            load_own(path)
        except UserError:
            pass


def test_a_header_that_promises_more_than_memory(tmp_path):
    with zipfile.ZipFile(save(tmp_path, edge_index=EDGES), "a") as archive:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 9000000000000000), }"
        body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        archive.writestr("x.npy", body)
    refused(tmp_path / "graph.npz", "graph.npz: ")


def test_an_archive_that_unpacks_to_more_than_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: 20)
    refused(save(tmp_path, **GOOD), "more than half of the memory")


def tables(folder, kind="csv", **change):
    whole = {
        "features": pd.DataFrame({"id": ["b", "a", "d", "c"], "f": [0.5, 1, 2, 3], "g": 1}),
        "edges": pd.DataFrame({"source": ["a", "b"], "target": ["b", "c"]}),
        "labels": pd.DataFrame({"id": ["a", "c"], "label": ["yes", "no"], "split": ["train", ""]}),
    }
    for name, table in {**whole, **change}.items():
        if table is not None and kind == "csv":
            table.to_csv(folder / f"{name}.csv", index=False)
        elif table is not None:
            table.to_parquet(folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables(tmp_path, kind):
    data = load_own(tables(tmp_path, kind))
    assert data.node_id == ["b", "a", "d", "c"]
    assert data.x.tolist() == [[0.5, 1], [1, 1], [2, 1], [3, 1]]
    assert data.edge_index.tolist() == [[0, 0, 1, 3], [1, 3, 0, 0]]
    assert data.y.tolist() == [-1, 1, -1, 0]
    assert data.train_mask.tolist() == [False, True, False, False]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_ids_that_are_numbers(tmp_path, kind):
    edges = pd.DataFrame({"source": [2], "target": [0]})
    features = pd.DataFrame({"id": [2, 0, 1], "f": [2, 0, 1]})
    data = load_own(tables(tmp_path, kind, edges=edges, features=features, labels=None))
    assert "node_id" not in data and data.x.view(-1).tolist() == [0, 1, 2]
    features["id"] = [2, 0, 700]
    data = load_own(tables(tmp_path, kind, edges=edges, features=features, labels=None))
    assert data.node_id.tolist() == [2, 0, 700] and data.edge_index.tolist() == [[0, 1], [1, 0]]


def frame(**columns):
    return pd.DataFrame(columns)


@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"features": None}, "features.csv or features.parquet is missing"),
        ({"edges": None}, "edges.csv or edges.parquet is missing"),
        ({"edges": frame(source=["a"], to=["b"])}, "column 'target' is missing"),
        ({"edges": frame(source=["a"], target=["z"])}, "target 'z' is not in features"),
        ({"edges": frame(source=["a"], target=[""])}, "target is empty in row 1"),
        ({"features": frame(id=["a", "a"], f=[1, 2])}, "id 'a' is there twice"),
        ({"features": frame(id=["a", "b", "c"], f=["1", "x", "2"])}, "'f' .* row 2 has 'x'"),
        ({"features": frame(id=["a", "b", "c"], f=["1", "2", ""])}, "'f' .* row 3 has ''"),
        ({"features": frame(id=["a", "b", "c"], f=["1", "inf", "2"])}, "row 2 has"),
        ({"features": frame(id=["a", "b", "c"])}, "x must have shape"),
        ({"labels": frame(id=["a", "a"], label=[0, 1])}, "id 'a' is there twice"),
        ({"labels": frame(id=["z"], label=[0])}, "id 'z' is not in features"),
        ({"labels": frame(id=["a"], label=[0.5])}, "label must be whole numbers"),
        ({"labels": frame(id=["a"], label=[0], split=["dev"])}, "not 'dev'"),
        ({"labels": frame(id=["a"], label=[10**8])}, "only 4 nodes"),
    ],
)
def test_bad_tables(tmp_path, change, complaint):
    folder = tmp_path / "mine"
    folder.mkdir()
    refused(tables(folder, **change), complaint)


def test_bad_parquet_columns(tmp_path):
    nested = pd.DataFrame({"id": ["a", "b", "c"], "f": [[1], [2], [3]]})
    refused(tables(tmp_path, "parquet", features=nested), "'f' must be finite numbers")
    gaps = pd.DataFrame({"source": ["a", None], "target": ["b", "c"]})
    refused(tables(tmp_path, "parquet", edges=gaps), "source is empty in row 2")


@pytest.mark.parametrize(
    "content", [b"id,f\n\xff\xfe,1\n", b"", b'id,f\n"a,1\n', b"id,f\na,1,2,3\n\n,,,,"]
)
def test_damaged_csv(tmp_path, content):
    tables(tmp_path)
    (tmp_path / "features.csv").write_bytes(content)
    refused(tmp_path, "features.csv: ")


def test_both_kinds_of_one_table(tmp_path):
    tables(tmp_path)
    refused(tables(tmp_path, "parquet"), "keep one")


def test_names_and_paths(tmp_path):
    assert load_data("digits").num_nodes == 1797
    assert load_data(str(save(tmp_path, **GOOD))).num_nodes == 4
    with pytest.raises(UserError, match="no such file"):
        load_data("nowhere.npz")
    with pytest.raises(UserError, match="unknown graph"):
        load_data("nothing")
    (tmp_path / "graph.pt").write_bytes(b"")
    with pytest.raises(UserError, match="wanted an .npz file or a folder"):
        load_data(tmp_path / "graph.pt")
