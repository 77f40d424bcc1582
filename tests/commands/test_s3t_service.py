"""The verbs of a service, from training to verification."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file

from graphforget.cli import main
from tests.commands.conftest import graph_file

QUICK = ("--shards", "2", "--slices", "2", "--orders", "2", "--learner.epochs", "2",
         "--learner.hidden", "8", "--learner.rank", "4")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    place = tmp_path_factory.mktemp("s3t")
    words = ["s3t", "train", str(place / "svc"), "--data", str(graph_file(place)), *QUICK]
    assert main(words) == 0
    return place


@pytest.fixture
def folder(original, tmp_path):
    shutil.copytree(original / "svc", tmp_path / "svc")
    for name in ("svc.key", "graph.npz"):
        shutil.copy(original / name, tmp_path / name)
    return tmp_path / "svc"


@pytest.fixture
def request_file(tmp_path):
    path = tmp_path / "requests.jsonl"
    lines = [{"kind": "node", "index": [3, 5], "id": "req-1"},
             {"kind": "feature", "index": [9], "id": "req-2"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_train_says_how_well_it_answers_and_where_the_key_is(tell, tmp_path):
    words = ("s3t", "train", tmp_path / "svc", "--data", graph_file(tmp_path), *QUICK, "--json")
    told = tell(*words)
    assert told.code == 0, told.err
    assert told.json["metrics"]["stages"] == 8 and "test_accuracy" in told.json["metrics"]
    assert (tmp_path / "svc.key").exists() and not list((tmp_path / "svc").rglob("*.key"))


def test_forget_repair_verify(tell, folder, request_file):
    before = tell("s3t", "predict", folder, "--json").json["responses"]
    told = tell("s3t", "forget", folder, "--request", request_file, "--json")
    assert told.code == 0, told.err
    assert [one["state"] for one in told.json["receipts"]] == ["DEACTIVATED"] * 2
    assert tell("s3t", "status", folder, "--json").json["requests"]["DEACTIVATED"] == 2
    assert tell("s3t", "predict", folder, "--json").json["responses"] != before
    assert tell("s3t", "verify", folder).out == "everything is as it should be\n"
    repaired = tell("s3t", "repair", folder, "--json")
    assert sorted(repaired.json["purged"]) == ["req-1", "req-2"] and not repaired.json["failed"]
    again = tell("s3t", "forget", folder, "--request", request_file)
    assert again.code == 0 and "before" in again.out and "PURGED" in again.out
    assert tell("s3t", "verify", folder).code == 0
    shards = tell("s3t", "status", folder, "--json").json["hosts"][0]["shards"]
    assert [one["depth"] for one in shards.values()] == [2, 2]
    assert len(list((folder / "certificates").iterdir())) == 2


def test_a_sample_and_files_of_answers(tell, folder, tmp_path):
    assert tell("s3t", "forget", folder, "--sample", "nodes:5").code == 0
    for ending in (".npy", ".parquet", ".csv"):
        assert tell("s3t", "predict", folder, "--out", tmp_path / f"p{ending}").code == 0
    assert np.load(tmp_path / "p.npy").shape == (60, 3)


def test_what_never_was_is_said_to_be_absent(tell, folder, tmp_path):
    there = {tuple(pair) for pair in np.load(folder.parent / "graph.npz")["edge_index"].T.tolist()}
    absent = next([0, other] for other in range(1, 60) if (0, other) not in there)
    path = tmp_path / "absent.json"
    path.write_text(json.dumps({"kind": "edge", "index": [absent], "id": "req-1"}))
    words = ("s3t", "forget", folder, "--request", path, "--missing", "ignore")
    told = tell(*words)
    assert told.code == 0 and "absent" in told.out and "ever there" in told.err
    (receipt,) = tell(*words, "--json").json["receipts"]
    assert receipt["absent"] and not receipt["known"]


def test_subsets_train_too(tell, tmp_path):
    words = ("--learner", "SliceSubsets", "--learner.learner.epochs", "2", "--shards", "2",
             "--slices", "2", "--cost", "2", "--hosts", "2")
    told = tell("s3t", "train", tmp_path / "svc", "--data", graph_file(tmp_path), *words, "--json")
    assert told.code == 0, told.err
    assert tell("s3t", "forget", tmp_path / "svc", "--sample", "edges:3").code == 0
    assert tell("s3t", "repair", tmp_path / "svc").code == 0
    assert tell("s3t", "verify", tmp_path / "svc").code == 0


def test_an_ended_training_is_gone_on_with(tell, folder, original):
    words = ("s3t", "train", folder, "--data", original / "graph.npz", *QUICK, "--resume")
    assert "serves already" in tell(*words).err
    for left in folder.glob("journal.db*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    lost = sorted((folder / "stages").rglob("*.safetensors"))[0]
    weights = load_file(lost)
    lost.unlink()
    told = tell(*words)
    assert told.code == 0, told.err
    again = load_file(lost)
    assert all(again[name].equal(weights[name]) for name in weights)
    assert "other options" in tell(*words, "--seed", "5").err


def test_a_lost_journal_is_not_begun_anew(tell, refused, folder, request_file, original):
    assert tell("s3t", "forget", folder, "--request", request_file).code == 0
    for left in folder.glob("journal.db*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    (folder.parent / "svc.key").unlink()
    train = ("s3t", "train", folder, "--data", original / "graph.npz", *QUICK, "--resume")
    for words in (("s3t", "predict", folder), ("s3t", "repair", folder), train):
        said = refused(*words)
        assert "journal.db: is gone, and" in said and "host-0000.log tells of requests" in said


def test_mistakes_are_told_and_nothing_is_lost(tell, refused, folder, tmp_path, request_file):
    graph = graph_file(tmp_path)
    assert "exists" in refused("s3t", "train", folder, "--data", graph, *QUICK)
    new = tmp_path / "new"
    assert "at least one item a slice" in refused(
        "s3t", "train", new, "--data", graph, "--shards", 10, "--slices", 10
    )
    assert "has no cost" in refused("s3t", "train", new, "--data", graph, "--cost", 2)
    assert "hosts" in refused("s3t", "train", new, "--data", graph, *QUICK, "--hosts", 5)
    assert "cannot be read" in refused("s3t", "predict", tmp_path / "none")
    for verb in (("predict",), ("s3t", "predict")):  # before any work
        said = refused(*verb, tmp_path / "none", "--out", tmp_path / "answers.txt")
        assert "answers.txt: wanted a file ending in .npy, .parquet, .csv" in said
    assert "--pool ray" in refused("s3t", "status", folder, "--address", "auto")
    assert "either --request" in refused("s3t", "forget", folder)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"kind": "node", "index": [60]}')
    told = tell("s3t", "forget", folder, "--request", wrong)
    assert told.code == 2 and "ids below 60" in told.err
    assert not sum(tell("s3t", "status", folder, "--json").json["requests"].values())
    key = tmp_path / "svc.key"
    key.rename(tmp_path / "moved.key")
    assert "key cannot be read" in refused("s3t", "forget", folder, "--request", request_file)


def test_what_verify_finds_is_code_3(tell, folder, request_file):
    tell("s3t", "forget", folder, "--request", request_file)
    stage = sorted((folder / "stages").rglob("*.safetensors"))[0]
    stage.write_bytes(stage.read_bytes()[:-4] + b"oops")
    told = tell("s3t", "verify", folder, "--json")
    assert told.code == 3 and len(told.json["findings"]) >= 1
    assert tell("s3t", "predict", folder).code == 0
    assert tell("s3t", "repair", folder).code == 0
    assert tell("s3t", "verify", folder).code == 0


def test_repair_mends_what_verify_finds_where_nothing_was_asked(tell, folder):
    before = tell("s3t", "predict", folder, "--json").json["responses"]
    damaged, *_, lost = sorted((folder / "stages").rglob("*.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-4] + b"oops")
    lost.unlink()
    (damaged.parent / ".x.partial").write_bytes(b"half")
    assert tell("s3t", "verify", folder).code == 3
    repaired = tell("s3t", "repair", folder, "--json")
    assert repaired.code == 0 and repaired.json["shards"] == [0, 1]
    assert tell("s3t", "verify", folder).code == 0
    assert "none had to be trained" in tell("s3t", "repair", folder).out
    assert tell("s3t", "predict", folder, "--json").json["responses"] == before


def damage(folder, shard):
    """Change every stage file of a shard."""
    for stage in (folder / "stages" / f"shard-{shard:04d}").glob("*.safetensors"):
        stage.write_bytes(stage.read_bytes()[:-4] + b"oops")


def test_shards_that_do_not_answer_are_told(tell, folder):
    said = tell("s3t", "predict", folder, "--json")
    assert said.json["silent"] == [] and said.err == ""
    damage(folder, 1)
    assert "shard 1" in tell("s3t", "status", folder).out
    shards = tell("s3t", "status", folder, "--json").json["hosts"][0]["shards"]
    assert shards["0"]["broken"] is None and "stage" in shards["1"]["broken"]
    told = tell("s3t", "predict", folder, "--json")
    assert told.code == 0 and len(told.json["responses"]) == 60
    (line,) = told.json["silent"]
    assert line.startswith("shard 1 does not answer: ") and line in told.err


def test_a_damaged_list_of_what_is_set_aside_is_told(tell, folder):
    (folder / "hosts" / "set_aside.json").write_text("[")
    for verb in ("status", "predict"):
        told = tell("s3t", verb, folder)
        assert told.code == 2 and "set_aside.json: wanted the requests" in told.err
