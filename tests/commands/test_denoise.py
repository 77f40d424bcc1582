"""Suspicious labels are found from the command line, and ERASE's runs list them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphforget.trained import Trained
from tests.commands.conftest import graph_file
from tests.conftest import planted_partition

QUICK = (
    "--learner.epochs", 30, "--learner.width", 16, "--learner.learning_rate", 0.01,
    "--learner.encoder.hidden", 16,
)
WRONG = [0, 7, 25, 44]


def wrong_file(folder):
    data = planted_partition()
    y = data.y.numpy().copy()
    y[WRONG] = (y[WRONG] + 1) % 3
    y[3] = -1
    np.savez(folder / "wrong.npz", edge_index=data.edge_index.numpy(), x=data.x.numpy(), y=y)
    return folder / "wrong.npz"


def test_wrong_labels_come_first_and_the_table_has_all(tell, tmp_path):
    out = tmp_path / "labels.parquet"
    told = tell("denoise", "--data", wrong_file(tmp_path), *QUICK, "--out", out, "--json")
    assert told.code == 0, told.err
    table = pd.read_parquet(out)
    assert list(table.columns) == ["node", "given", "corrected", "confidence", "doubt"]
    assert told.json["labels"] == len(table) == 59 and 3 not in set(table["node"])
    first = [row["node"] for row in told.json["most_suspicious"]]
    assert set(first[:4]) == set(WRONG)
    right = table.set_index("node")["corrected"][WRONG].tolist()
    assert right == planted_partition().y[WRONG].tolist()


def test_people_get_the_most_suspicious(tell, tmp_path):
    told = tell("denoise", "--data", wrong_file(tmp_path), *QUICK, "--show", 1)
    assert told.code == 0 and "of 59 labels are suspicious" in told.out
    assert len(told.out.splitlines()) == 3 and "--out FILE.parquet" in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.npz"]


def test_erase_runs_list_their_labels(tell, tmp_path):
    words = ["train", "--data", graph_file(tmp_path), "--learner", "ERASE", *QUICK]
    words += ["--noise", "symmetric:0.2", "--out", tmp_path / "run", "--json"]
    told = tell(*words)
    assert told.code == 0, told.err
    assert {"test_accuracy", "last_test_accuracy", "label_noise"} <= set(told.json["metrics"])
    trained = Trained.load(tmp_path / "run")
    table = pd.read_parquet(tmp_path / "run" / "labels.parquet")
    labelled = trained.data.train_mask | trained.data.val_mask
    assert table["node"].tolist() == labelled.nonzero().flatten().tolist()
    assert table["given"].tolist() == trained.data.y[labelled].tolist()


@pytest.mark.parametrize(
    ("words", "encoder"),
    [([], "NormalisedGAT"), (["--model", "gcn"], "GCN"), (["--model", "gat"], "GAT")],
)
def test_parts_of_erase_are_options(tell, tmp_path, words, encoder):
    given = ["train", "--data", graph_file(tmp_path), "--learner", "ERASE", *QUICK[2:]]
    given += ["--learner.epochs", 2, "--learner.head", "RidgeHead", "--learner.head.every", 2]
    given += ["--learner.coding.eps", 0.4, "--learner.labels.operator", "Symmetric"]
    given += ["--learner.rank", "null", *words, "--out", tmp_path / "run"]
    told = tell(*given)
    assert told.code == 0, told.err
    learner = Trained.load(tmp_path / "run").learner
    assert type(learner.head).__name__ == "RidgeHead" and learner.head.every == 2
    assert learner.coding.eps == 0.4 and learner.rank is None
    assert type(learner.encoder).__name__ == encoder and learner.encoder.hidden == 16


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "labels.csv"], ".parquet"),
        (["--show", "-1"], "--show"),
        (["--learner.epochs", "0"], "epochs"),
        (["--learner.width", "0"], "width"),
        (["--data", "missing.npz"], "missing.npz"),
    ],
)
def test_bad_options_are_refused(refused, tmp_path, words, says):
    assert says in refused("denoise", "--data", wrong_file(tmp_path), *words)


@pytest.mark.parametrize(("label", "says"), [(0, "two classes"), (-1, "label")])
def test_labels_that_tell_nothing_are_refused(refused, tmp_path, label, says):
    data = planted_partition()
    y = np.full(60, label)
    np.savez(tmp_path / "one.npz", edge_index=data.edge_index.numpy(), x=data.x.numpy(), y=y)
    assert says in refused("denoise", "--data", tmp_path / "one.npz")
