"""train, forget, audit and predict of the command `recsys`, on a log of two groups of users."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphforget.core.errors import UserError
from graphforget.trained import Trained
from recsys.data.interactions import _own_log
from tests.recsys.clicks import small_table
from tests.recsys.planted import planted_log

QUICK = ("--core", 1, "--test", 0.3, "--learner.width", 4, "--learner.epochs", 3)


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    """A CSV file of who took what; users are called u0 and so on, items by numbers from 100."""
    pairs = planted_log().pairs
    path = tmp_path_factory.mktemp("log") / "shop.csv"
    pd.DataFrame({"user": [f"u{u}" for u in pairs[0].tolist()], "item": pairs[1] + 100}).to_csv(
        path, index=False
    )
    return path


@pytest.fixture
def trained(tell, log, tmp_path):
    """Train a model of some kind into the folder ``run``."""

    def give(*words: object) -> Path:
        told = tell("train", "--data", log, "--out", tmp_path / "run", *words)
        assert told.code == 0, told.err
        return tmp_path / "run"

    return give


def test_from_training_to_lists_without_the_user(trained, tell, tmp_path):
    run, new = trained("--model", "bpr", *QUICK), tmp_path / "new"
    user = Trained.load(run).data.names[0].index("u7")
    told = tell("forget", run, "--sample", "users:2", "--method", "Retrain", "--out", new,
                "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out)["requests"][0]["size"] == 2
    told = tell("predict", new, "--k", 3, "--out", tmp_path / "lists.npy")
    assert told.code == 0, told.err
    assert np.load(tmp_path / "lists.npy").shape == (60, 3)
    told = tell("predict", new, "--k", 2, "--users", f"[{user}]", "--out",
                tmp_path / "lists.parquet")
    assert told.code == 0, told.err
    rows = pd.read_parquet(tmp_path / "lists.parquet")
    assert list(rows.columns) == ["user", "place", "item", "user_id", "item_id"]
    assert rows["user_id"].eq("u7").all() and rows["place"].tolist() == [1, 2]


def test_a_request_in_the_words_of_the_data_set(trained, tell, tmp_path):
    run, new, file = trained("--model", "als", *QUICK), tmp_path / "new", tmp_path / "ask.json"
    before = Trained.load(run).data
    item = before.names[1].index("117")
    file.write_text(json.dumps({"kind": "item", "index": [117], "reason": "withdrawn"}))
    told = tell("forget", run, "--request", file, "--names", "--out", new)
    assert told.code == 0, told.err
    assert "ALSDeletion" in told.out
    left = Trained.load(new).data
    assert item in before.pairs[1] and item not in left.pairs[1]
    assert left.names[1][item] == ""  # the name goes with the item


@pytest.mark.parametrize(
    ("words", "method"),
    [
        (("--model", "ease", "--core", 1, "--learner", "EASE", "--learner.penalty", 5), "EASE"),
        (("--core", 1, "--learner", "UserS3T", "--learner.shards", 2, "--learner.slices", 2,
          "--learner.epochs", 2), "UserS3T"),
        (("--model", "lightgcn", *QUICK), "Rewind"),
        (("--model", "ncf", *QUICK), "Rewind"),
    ],
)
def test_each_model_is_forgotten_from_in_its_own_way(trained, tell, tmp_path, words, method):
    told = tell("forget", trained(*words), "--sample", "users:1", "--out", tmp_path / "new")
    assert told.code == 0, told.err
    assert f"forgot by {method}" in told.out


def test_an_audit_tells_of_lists_too(trained, tell, tmp_path):
    run, new = trained("--model", "ease", "--core", 1, "--test", 0.3), tmp_path / "new"
    assert tell("forget", run, "--sample", "interactions:5%", "--out", new).code == 0
    told = tell("audit", new)
    assert told.code == 0, told.err
    assert "Median place of forgotten pairs" in told.out
    found = json.loads((new / "metrics.json").read_text())["recommendations"]
    assert found["overlap"]["after"] == 1.0  # exact deletion: the lists of retraining
    assert found["median_rank"]["after"] == found["median_rank"]["retrained"]
    assert (new / "report.html").exists()


def test_a_click_model_forgets_what_a_user_said_of_himself(tell, tmp_path):
    table = small_table()
    ids = table.take(slice(None)).numpy()
    frame = pd.DataFrame({"user_id": ids[:, 0], "item_id": ids[:, 1], "tag": ids[:, 2]})
    frame["label"] = table.label
    frame.to_csv(tmp_path / "clicks.csv", index=False)
    run, new = tmp_path / "run", tmp_path / "new"
    told = tell("train", "--data", tmp_path / "clicks.csv", "--model", "fm", "--out", run)
    assert told.code == 0, told.err
    told = tell("forget", run, "--sample", "items:1", "--out", new)
    assert told.code == 0, told.err
    told = tell("predict", new, "--out", tmp_path / "p.csv")
    assert told.code == 0, told.err
    assert pd.read_csv(tmp_path / "p.csv")["probability"].between(0, 1).all()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--model", "dcgan"), "there is no 'dcgan'; there are bpr, ease"),
        (("--model", "ease", "--learner.width", 8), "EASE has no such setting; it has"),
        (("--model", "als", "--learner", "EASE"), "give one of both"),
        (("--core", 500), "no user and item has 500 pairs"),
        (("--val", 0.6, "--test", 0.6), "wanted shares from 0 that leave something to train on"),
    ],
)
def test_trainings_that_make_no_sense(refused, log, tmp_path, words, wanted):
    assert wanted in refused("train", "--data", log, "--out", tmp_path / "run", *words)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("user;item\n1;2\n", "wanted columns user and item, got user;item"),
        ("user,item\n1,2\n,3\n", "column user: row 2 is empty"),
        ("user,item,time\n1,2,noon\n", "column time: wanted numbers"),
    ],
)
def test_logs_that_cannot_be_read(refused, tmp_path, content, wanted):
    (tmp_path / "log.csv").write_text(content)
    words = ("train", "--data", tmp_path / "log.csv", "--core", 1, "--out", tmp_path / "run")
    assert wanted in refused(*words)


def test_a_truncated_parquet_file_is_told(refused, log, tmp_path):
    whole = pd.read_csv(log)
    whole.to_parquet(tmp_path / "log.parquet")
    content = (tmp_path / "log.parquet").read_bytes()
    (tmp_path / "log.parquet").write_bytes(content[: len(content) // 2])
    words = ("train", "--data", tmp_path / "log.parquet", "--out", tmp_path / "run")
    assert "log.parquet: " in refused(*words)


def test_requests_that_name_what_is_not_there(trained, refused, tmp_path):
    run, file = trained("--model", "ease", "--core", 1), tmp_path / "ask.json"
    for content, wanted in {
        '{"kind": "user", "index": [60]}': "users below 60",
        '{"kind": "interaction", "index": [[0, 99]]}': "items below 40",
    }.items():
        file.write_text(content)
        assert wanted in refused("forget", run, "--request", file, "--out", tmp_path / "new")
    file.write_text('{"kind": "item", "index": [9]}')
    said = refused("forget", run, "--request", file, "--names", "--out", tmp_path / "new")
    assert "no item of the log is called 9" in said
    assert "closed form" in refused(
        "forget", run, "--sample", "users:1", "--method", "D2DGN", "--out", tmp_path / "new"
    )
    assert "is not understood" in refused(
        "forget", run, "--sample", "people:1", "--out", tmp_path / "new"
    )
    assert "wanted numbers from 0 to 59" in refused("predict", run, "--users", "[60]")


@pytest.mark.slow
def test_the_demo_shows_a_user_before_and_after(tell, tmp_path):
    told = tell("demo-forget", "--data", "planted", "--out", tmp_path / "demo")
    assert told.code == 0, told.err
    assert "EASEDeletion" in told.out and "UserS3T" in told.out and "D2DGN" in told.out
    assert (tmp_path / "demo" / "after" / "report.html").exists()
    assert tell("demo-forget", "--data", "planted", "--out", tmp_path).code == 2


def test_who_asks_again_is_served_again(trained, tell, tmp_path):
    run = trained("--model", "bpr", "--val", 0.2, *QUICK)
    for before, after in (("run", "once"), ("once", "twice")):
        told = tell("forget", tmp_path / before, "--sample", "users:1", "--out", tmp_path / after)
        assert told.code == 0, told.err
    told = tell("forget", run, "--sample", "users:1", "--sample", "items:1", "--out",
                tmp_path / "both")
    assert told.code == 0, told.err


def test_ids_of_several_types_are_texts_and_times_are_numbers(tmp_path):
    both = pd.DataFrame({"user": [1, "a", 1, "a"], "item": [1, 1, 2, 3], "time": [1.0] * 4})
    log = _own_log(Path("own.parquet"), both)
    assert log.pairs["user"].tolist() == ["1", "a", "1", "a"]
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(UserError, match="column time: row 2 is"):
            _own_log(Path("own.parquet"), both.assign(time=[1.0, wrong, 1.0, 1.0]))
