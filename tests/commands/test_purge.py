"""Purge removes what still holds the forgotten data, all of it, and nothing besides."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from graphforget.core.files import append_line
from graphforget.exact import purge as purging
from graphforget.exact.purge_search import purge_of
from graphforget.lineage import note_derived, register_of
from graphforget.request import ForgetRequest
from graphforget.request_file import to_json
from graphforget.trained import Trained
from tests.commands.conftest import contents

NODES = [3, 5]


@pytest.fixture
def family(node_run, tmp_path, tell, monkeypatch) -> Path:
    """A run, what was made from it, one that forgot more than once, and bystanders.

    first -> second (forgot nodes) -> third (forgot an edge), first -> other (forgot other nodes).
    """
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    shutil.copytree(node_run, tmp_path / "first")
    first = tmp_path / "first"
    (first / "snapshots" / "extra.bin").write_bytes(b"weights of old")
    request = tmp_path / "request.json"
    request.write_text(to_json(ForgetRequest("node", NODES)))
    forget = ("forget", "--method", "Unlink")
    assert tell(*forget, first, "--request", request, "--out", tmp_path / "second").code == 0
    assert tell(*forget, tmp_path / "second", "--sample", "edges:1",
                "--out", tmp_path / "third").code == 0
    assert tell(*forget, first, "--sample", "nodes:1", "--sample_seed", "5",
                "--out", tmp_path / "other").code == 0
    assert tell("predict", first, "--out", tmp_path / "first.npy").code == 0
    assert tell("predict", tmp_path / "second", "--out", tmp_path / "second.npy").code == 0
    (tmp_path / "bystander.txt").write_text("mine")
    return tmp_path


def names(told) -> set[str]:
    return {Path(one["path"]).name for one in told.json["removed"]}


def test_a_dry_run_tells_and_touches_nothing(family, tell):
    before = contents(family)
    told = tell("purge", family / "second", "--dry-run", "--json")
    assert told.code == 0 and contents(family) == before
    assert {"model.safetensors", "data.safetensors", "first.npy", "extra.bin", "request.json",
            "first.derived.jsonl"} <= names(told)
    assert {Path(path).name for path in told.json["runs"]} == {"first", "other"}
    plain = tell("purge", family / "second", "--dry-run").out
    assert "would go: " in plain and "snapshot of first" in plain and "data set itself" in plain


def test_what_held_the_data_is_gone_and_all_else_is_as_it_was(family, tell):
    before = contents(family)
    told = tell("purge", family / "second", "--json")
    assert told.code == 0
    gone = {str(Path(one["path"]).relative_to(family)) for one in told.json["removed"]}
    after = contents(family)
    assert set(before) - set(after) == gone
    assert all(before[name] == content for name, content in after.items())
    assert not (family / "first").exists() and not (family / "other").exists()
    assert not (family / "first.npy").exists() and (family / "second.npy").exists()
    assert "second/request.json" in gone and "third/request.json" not in gone
    assert len(Trained.load(family / "second").history) == 1
    assert len(Trained.load(family / "third").history) == 2
    again = tell("purge", family / "second", "--json")
    assert again.code == 0 and again.json["removed"] == []
    assert "is not there" in again.json["left"][0]["why"]


def test_from_the_end_of_a_chain_all_before_it_go(family, tell):
    told = tell("purge", family / "third", "--json")
    assert {Path(path).name for path in told.json["runs"]} == {"first", "other", "second"}
    assert (family / "third" / "model.safetensors").exists()
    assert not (family / "second.npy").exists()


def test_a_run_that_forgot_the_same_stays(family, tell):
    assert tell("forget", family / "first", "--request", family / "request.json", "--method",
                "Retrain", "--out", family / "retrained").code == 0
    told = tell("purge", family / "second", "--json")
    assert (family / "retrained" / "model.safetensors").exists()
    assert {"path": str(family / "retrained"), "why": "forgot the same"} in told.json["left"]


def test_what_was_changed_since_or_lies_behind_a_link_stays(family, tell):
    (family / "first.npy").write_bytes(b"by another hand")
    secret = family / "secret.txt"
    secret.write_text("not derived")
    (family / "first" / "link").symlink_to(secret)
    (family / "first" / "folder").symlink_to(family / "cache")
    (family / "cache").mkdir(exist_ok=True)
    (family / "cache" / "kept").write_text("kept")
    assert note_derived(family / "first", secret, "embeddings")
    (family / "real").mkdir()
    shutil.move(secret, family / "real" / "secret.txt")
    secret.symlink_to(family / "real" / "secret.txt")
    told = tell("purge", family / "second", "--json")
    assert told.code == 0
    reasons = {Path(one["path"]).name: one["why"] for one in told.json["left"]}
    assert "was changed" in reasons["first.npy"] and "behind a link" in reasons["secret.txt"]
    assert (family / "real" / "secret.txt").read_text() == "not derived"
    assert (family / "cache" / "kept").exists() and not (family / "first").exists()


def test_embeddings_that_were_noted_go(family, tell):
    (family / "embeddings.npy").write_bytes(b"numbers")
    note_derived(family / "first", family / "embeddings.npy", "embeddings")
    assert "embeddings.npy" in names(tell("purge", family / "second", "--json"))
    assert not (family / "embeddings.npy").exists()


def test_another_run_in_the_place_of_the_first_stays(family, tell):
    weights = load_file(family / "first" / "model.safetensors")
    save_file({name: 2 * w for name, w in weights.items()}, family / "first" / "model.safetensors")
    told = tell("purge", family / "second", "--json")
    assert (family / "first" / "model.safetensors").exists()
    assert told.json["runs"] == [] and "other weights" in told.json["left"][0]["why"]


def test_a_first_run_behind_a_link_stays(family, tell):
    (family / "first").rename(family / "moved")
    (family / "first").symlink_to(family / "moved")
    told = tell("purge", family / "second", "--json")
    assert (family / "moved" / "model.safetensors").exists()
    assert "behind a link" in told.json["left"][0]["why"]


def test_a_folder_that_is_no_run_stays_whatever_the_lineage_says(family, tell):
    (family / "documents").mkdir()
    (family / "documents" / "letter.txt").write_text("dear")
    metrics = json.loads((family / "second" / "metrics.json").read_text())
    metrics["parent"]["run"] = "../documents"
    (family / "second" / "metrics.json").write_text(json.dumps(metrics))
    told = tell("purge", family / "second", "--json")
    assert told.json["left"] == [
        {"path": str(family / "documents"), "why": "is not a run folder"}
    ]
    assert (family / "documents" / "letter.txt").exists()


def test_the_run_that_stays_may_lie_within_the_one_that_goes(node_run, tmp_path, tell, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    shutil.copytree(node_run, tmp_path / "first")
    inner = tmp_path / "first" / "after"
    assert tell("forget", tmp_path / "first", "--sample", "nodes:2", "--method", "Unlink",
                "--out", inner).code == 0
    assert tell("purge", inner).code == 0
    assert len(Trained.load(inner).history) == 1
    assert [path.name for path in (tmp_path / "first").iterdir()] == ["after"]


def test_processed_copies_in_the_cache_go_and_raw_files_stay(family, tell):
    name = json.loads((family / "second" / "data.json").read_text())["name"]
    for entry in (f"{name}-0123456789abcdef", f"{name}-download", "cora-0123456789abcdef"):
        for part in ("raw", "processed"):
            (family / "cache" / entry / "Set" / part).mkdir(parents=True)
            (family / "cache" / entry / "Set" / part / "data.pt").write_bytes(b"rows")
    tell("purge", family / "second")
    left = sorted(str(path.relative_to(family / "cache"))
                  for path in (family / "cache").rglob("*.pt"))
    assert left == [
        "cora-0123456789abcdef/Set/processed/data.pt",
        "cora-0123456789abcdef/Set/raw/data.pt",
        f"{name}-0123456789abcdef/Set/raw/data.pt",
        f"{name}-download/Set/raw/data.pt",
    ]


@pytest.mark.parametrize("moment", range(0, 27, 2))
def test_a_purge_that_was_killed_is_finished_by_the_next(family, monkeypatch, moment):
    count = 0

    def dying(path):
        nonlocal count
        count += 1
        if count > moment:
            raise KeyboardInterrupt
        return destroy(path)

    destroy = purging.destroy_file
    with monkeypatch.context() as patch:
        patch.setattr(purging, "destroy_file", dying)
        with pytest.raises(KeyboardInterrupt):
            purge_of(family / "third").carry_out()
    purge_of(family / "third").carry_out()
    left = {path.name for path in family.iterdir()}
    assert left == {"third", "request.json", "bystander.txt"}
    assert len(Trained.load(family / "third").history) == 2


def test_runs_that_would_lose_their_data_hold_it_up(family, tell, refused):
    assert tell("forget", family / "first", "--request", family / "request.json", "--method",
                "Unlink", "--no-data", "--out", family / "bare").code == 0
    for run in ("bare", "second"):
        assert "was saved without its data" in refused("purge", family / run)


def test_what_is_no_run_that_forgot_is_refused(family, refused):
    assert "forgot nothing" in refused("purge", family / "first")
    assert "wanted a run folder" in refused("purge", family / "nowhere")
    assert "wanted a run folder" in refused("purge", family / "bystander.txt")
    append_line(register_of(family / "first"), '{"path": 7}')
    assert "first.derived.jsonl line 4: wanted path" in refused("purge", family / "second")


def test_a_line_that_a_kill_cut_short_is_passed_over(family, tell):
    with open(register_of(family / "first"), "ab") as file:
        file.write(b'{"path": "../somewh')
    assert tell("purge", family / "second", "--dry-run").code == 0
