import numpy as np
import pandas as pd
import pytest


def test_nodes_answer_with_probabilities(tell, node_run, tmp_path):
    assert tell("predict", node_run, "--out", tmp_path / "p.npy").code == 0
    answers = np.load(tmp_path / "p.npy", allow_pickle=False)
    assert answers.shape == (60, 3) and np.allclose(answers.sum(1), 1, atol=1e-5)
    assert tell("predict", node_run, "--out", tmp_path / "p.parquet").code == 0
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert list(table) == ["node", "class_0", "class_1", "class_2"]
    assert np.allclose(table.iloc[:, 1:].to_numpy(), answers)
    told = tell("predict", node_run, "--json")
    assert np.allclose(told.json["responses"], answers) and told.json["shape"] == [60, 3]


def test_nodes_are_called_by_their_names(tell, tmp_path):
    names = [f"person {place}" for place in range(12)]
    folder = tmp_path / "people"
    folder.mkdir()
    features = {"id": names, "age": range(12), "visits": range(12, 0, -1)}
    pd.DataFrame(features).to_csv(folder / "features.csv", index=False)
    ends = {"source": names, "target": names[1:] + names[:1]}
    pd.DataFrame(ends).to_csv(folder / "edges.csv", index=False)
    labels = {"id": names, "label": ["a", "b"] * 6}
    pd.DataFrame(labels).to_csv(folder / "labels.csv", index=False)
    words = ["--learner.epochs", "2", "--out"]
    assert tell("train", "--data", folder, *words, tmp_path / "run").code == 0
    assert tell("predict", tmp_path / "run", "--out", tmp_path / "p.csv").code == 0
    table = pd.read_csv(tmp_path / "p.csv")
    assert table.node_id.tolist() == names and table.node.tolist() == list(range(12))
    assert tell("train", "--data", folder, "--task", "link", *words, tmp_path / "links").code == 0
    (tmp_path / "pairs.csv").write_text("source,target\n3,5\n")
    asked = ["--pairs", tmp_path / "pairs.csv", "--out", tmp_path / "q.csv"]
    assert tell("predict", tmp_path / "links", *asked).code == 0
    row = pd.read_csv(tmp_path / "q.csv").iloc[0]
    assert (row.source_id, row.target_id) == ("person 3", "person 5")


@pytest.mark.parametrize("suffix", ["npy", "csv", "parquet"])
def test_pairs_answer_with_a_probability(tell, link_run, tmp_path, suffix):
    pairs = np.array([[0, 1], [3, 40], [7, 7]])
    path = tmp_path / f"pairs.{suffix}"
    table = pd.DataFrame(pairs, columns=["source", "target"])
    match suffix:
        case "npy":
            np.save(path, pairs)
        case "csv":
            table.to_csv(path, index=False)
        case "parquet":
            table.to_parquet(path, index=False)
    told = tell("predict", link_run, "--pairs", path, "--json")
    assert told.code == 0 and told.json["shape"] == [3]
    assert all(0 <= answer <= 1 for answer in told.json["responses"])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("p.csv", b"a,b\n0,60\n", "0 to 59"),
        ("p.csv", b"a,b\n-1,2\n", "0 to 59"),
        ("p.csv", b"a,b\n0.5,2\n", "whole numbers"),
        ("p.csv", b"a,b\nx,y\n", "whole numbers"),
        ("p.csv", b"a\n1\n", "shape"),
        ("p.csv", b"0,1\n2,3\n", "first line with names"),
        ("p.csv", b"", "cannot be read"),
        ("p.csv", b"a,b\n", "p.csv"),
        ("p.csv", b"\xff\xfe\x00", "cannot be read"),
        ("p.npy", b"not an array", "cannot be read"),
        ("p.npy", b"", "cannot be read"),
        ("p.parquet", b"no parquet", "cannot be read"),
        ("p.txt", b"0 1", ".npy"),
    ],
)
def test_bad_pairs_are_refused(refused, link_run, tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    assert says in refused(
        "predict", link_run, "--pairs", tmp_path / name, "--out", tmp_path / "out.npy"
    )


def test_pickled_pairs_are_refused(refused, link_run, tmp_path):
    np.save(tmp_path / "p.npy", np.array([[0, object()]], dtype=object), allow_pickle=True)
    assert "cannot be read" in refused("predict", link_run, "--pairs", tmp_path / "p.npy")


def test_what_the_task_needs_is_asked_for(refused, node_run, link_run, tmp_path):
    assert "--pairs FILE" in refused("predict", link_run)
    assert "leave it out" in refused("predict", node_run, "--pairs", tmp_path / "p.npy")
    assert ".parquet" in refused("predict", node_run, "--out", tmp_path / "p.xlsx")
    assert "missing.npy" in refused("predict", link_run, "--pairs", tmp_path / "missing.npy")
