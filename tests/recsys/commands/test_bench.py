"""``recsys bench``: the board over backbones and seeds, resumable, and the demo."""

from __future__ import annotations

import json

import pytest

from graphforget.core.record import read_records
from recsys.commands.bench import reference
from recsys.commands.demo import few
from recsys.commands.selectors import grid_named, seeds_named
from recsys.data import load_table
from recsys.select import AdaFS, GreedyForward, Lasso
from tests.recsys.commands.conftest import QUICK

QUESTION = ("--selectors", "Lasso,RandomOrder", "--models", "mlp,fm", "--k", "2,n", "--seeds",
            "0,3", "--random_orders", 2, "--draws", 20, *QUICK)


@pytest.mark.slow
def test_the_board_leaves_records_a_page_and_pictures_and_goes_on(tell, refused, clicks, tmp_path):
    out = tmp_path / "board"
    told = tell("bench", "--data", clicks, *QUESTION, "--json", "--out", out)
    assert told.code == 0, told.err
    assert {"shop.html", "shop-MLP.png", "shop-FM.png", "records.jsonl", "cells.jsonl"} <= set(
        told.json["files"])
    records = read_records(out / "records.jsonl")
    asked = [(record.model, record.config["title"], record.seed) for record in records]
    assert asked == [(model, *rest) for model in ("MLP", "FM") for rest in (
        ("Lasso", 0), ("Lasso", 3), ("RandomOrder", 0), ("RandomOrder", 1))]
    cells = len(read_records(out / "cells.jsonl"))
    page = (out / "shop.html").read_text()
    assert "AUKC less that of Lasso" in page and "RandomOrder" in page

    assert "go on there with --resume" in refused("bench", "--data", clicks, *QUESTION,
                                                  "--out", out)
    again = tell("bench", "--data", clicks, *QUESTION, "--json", "--out", out, "--resume")
    assert again.json == told.json
    assert len(read_records(out / "cells.jsonl")) == cells  # nothing was done again


def test_what_fails_is_told_and_recorded(tell, clicks, tmp_path, monkeypatch):
    def broken(self, table, backbone, seed):
        raise RuntimeError("no answer")

    monkeypatch.setattr(Lasso, "search", broken)
    out = tmp_path / "board"
    words = ("--selectors", "Lasso", "--models", "mlp", "--k", "n", "--seeds", "0",
             "--random_orders", 1, *QUICK)
    told = tell("bench", "--data", clicks, *words, "--json", "--out", out)
    assert told.code == 0 and told.json["failed"] == 1
    assert "Lasso, seed 0: RuntimeError: no answer" in told.err
    assert [one.status for one in read_records(out / "records.jsonl")] == ["failed", "ok"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--models", "fibinet,mlp", "--k", "1..n"], "k = 1: FiBiNET: wanted at least 2 fields"),
        (["--models", "mlp,MLP"], "--models: MLP is given twice; give it once"),
        (["--selectors", "AllFields", "--against", "AllFields"], "has no AUKC"),
        (["--selectors", "RandomOrder", "--random_orders", "0"], "nothing to compare"),
        (["--models", "mlp,nothing"], "--models: there is no 'nothing'; there are DCN"),
        (["--seeds", "0,0"], "whole numbers, each once"),
        (["--seeds", "a"], "whole numbers, each once"),
        (["--against", "SHARK"], "'SHARK' is not compared here"),
        (["--draws", "1"], "at least 2 draws"),
        (["--random_orders", "-1"], "wanted 0 or more"),
        (["--k", "5"], "the table has 4 fields"),
        (["--resume"], "--resume goes on with a folder of recsys bench"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told_and_nothing_is_written(refused, clicks, tmp_path, words, message):
    out = tmp_path / "out"
    if words == ["--resume"]:
        out.mkdir()
    given = ("bench", "--data", clicks, "--selectors", "Lasso", "--out", out)
    assert message in refused(*given, *words)


def test_two_tables_of_one_name_are_refused(refused, clicks, tmp_path):
    twin = tmp_path / "other" / clicks.name
    twin.parent.mkdir()
    twin.write_text(clicks.read_text())
    schema = clicks.with_name(clicks.name + ".schema.yaml")
    if schema.exists():
        twin.with_name(schema.name).write_text(schema.read_text())
    load_table(str(twin))  # writes what it guesses beside the file
    told = refused("bench", "--data", f"{clicks},{twin}", "--selectors", "Lasso",
                   "--out", tmp_path / "board")
    assert "--data: two tables are called shop" in told


def test_others_are_compared_with_the_first_that_has_a_curve():
    several = {"AdaFS": AdaFS(), "Lasso": Lasso(), "GreedyForward": GreedyForward()}
    assert reference(None, several) == "GreedyForward"
    del several["GreedyForward"]
    assert reference(None, several) == "Lasso"
    assert reference(None, {"AdaFS": AdaFS()}) == ""


def test_numbers_of_fields_and_seeds_are_read():
    assert grid_named("1..n", 4) == (1, 2, 3, 4) == grid_named("1..2,3,n", 4)
    assert seeds_named("0, 3") == (0, 3)
    for fields in range(1, 45):
        assert few(fields)[-1] == fields and list(few(fields)) == sorted(set(few(fields)))


@pytest.mark.slow
def test_the_demo_ranks_retrains_and_leaves_a_page(tell, tmp_path):
    told = tell("demo", "--json", "--out", tmp_path / "demo")
    assert told.code == 0, told.err
    assert len(told.json["selectors"]) == 4
    assert (tmp_path / "demo").joinpath("records.jsonl").is_file()
    assert any(path.suffix == ".html" for path in (tmp_path / "demo").iterdir())
    shark = next(one for one in told.json["selectors"] if one["selector"] == "SHARK")
    assert shark["keep"] == shark["ranking"][: len(shark["keep"])]
    json.dumps(told.json, allow_nan=False)


def test_the_demo_replaces_no_other_board(refused, clicks, tell, tmp_path):
    told = tell("select", "--data", clicks, "--selectors", "Lasso", "--out", tmp_path / "mine")
    assert told.code == 0 and (tmp_path / "mine" / "records.jsonl").is_file()
    assert "not an earlier demo" in refused("demo", "--out", tmp_path / "mine")


def test_the_demo_replaces_only_a_demo(refused, tmp_path):
    (tmp_path / "mine").mkdir()
    assert "not an earlier demo" in refused("demo", "--out", tmp_path / "mine")
