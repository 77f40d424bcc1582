"""``recsys select``: what it writes, what it prints, and what it refuses."""

from __future__ import annotations

import json

import pytest
import yaml

from graphforget.core.record import read_records
from recsys.select import Selection
from tests.recsys.commands.conftest import QUICK


@pytest.fixture(scope="module")
def whole(clicks, tmp_path_factory):
    """A folder of two selectors, retrained at every k; tests only read it."""
    from recsys.cli import main

    out = tmp_path_factory.mktemp("select") / "out"
    words = ["select", "--data", clicks, "--selectors", "Lasso,chisquared", "--model", "deepfm",
             "--k", "1..n", *QUICK, "--out", out]
    assert main([str(word) for word in words]) == 0
    return out


def test_rankings_can_be_read_again(whole):
    for folder in ("Lasso", "ChiSquared"):
        selection = Selection.from_json((whole / folder / "ranking.json").read_text())
        assert selection.ranking[0].startswith(("relevant", "redundant"))
        said = json.loads((whole / folder / "ranking.json").read_text())
        assert said["selector"] == folder and said["ranking"] == list(selection.ranking)
        assert said["seed"] == 0 and len(said["table"]) == 64


def test_the_curve_says_its_convention_and_the_fields_to_keep_are_a_prefix(whole):
    curve = json.loads((whole / "Lasso" / "curve.json").read_text())
    assert curve["grid"] == [1, 2, 3, 4] and "divided by 4" in curve["convention"]
    assert curve["gauc"] == [None] * 4  # no users in the file
    best = curve["grid"][max(range(4), key=lambda place: curve["val_auc"][place])]
    ranking = json.loads((whole / "Lasso" / "ranking.json").read_text())["ranking"]
    kept = yaml.safe_load((whole / "Lasso" / "use_features.yaml").read_text())
    assert kept == {"use_features": ranking[:best]}


def test_records_page_and_picture_are_left(whole):
    records = read_records(whole / "records.jsonl")
    assert [record.learner for record in records] == ["Lasso", "ChiSquared"]
    assert all(record.status == "ok" and 0 < record.metrics["aukc"] < 1 for record in records)
    assert "AUKC" in (whole / "shop.html").read_text()
    assert (whole / "shop-DeepFM.png").read_bytes().startswith(b"\x89PNG")


def test_without_k_fields_are_ranked_and_nothing_is_trained(tell, clicks, tmp_path):
    told = tell("select", "--data", clicks, "--selectors", "Lasso:BENCHMARK,Lasso", "--keep", 2,
                "--json", "--out", tmp_path / "out")
    assert told.code == 0
    names = [one["selector"] for one in told.json["selectors"]]
    assert names == ["Lasso:BENCHMARK", "Lasso"]
    assert all(one["keep"] == one["ranking"][:2] for one in told.json["selectors"])
    assert not any("aukc" in one["metrics"] for one in told.json["selectors"])
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert there == {"Lasso-BENCHMARK", "Lasso", "records.jsonl"}


def test_settings_of_selectors_come_from_yaml(tell, clicks, tmp_path):
    config = tmp_path / "select.yaml"
    config.write_text(yaml.safe_dump({
        "data": str(clicks),
        "selectors": [{"class_path": "Lasso", "init_args": {"alpha": 0.5}},
                      {"class_path": "Lasso"}],
        "out": str(tmp_path / "out"),
    }))
    told = tell("select", "--config", config, "--json")
    assert told.code == 0, told.err
    assert [one["selector"] for one in told.json["selectors"]] == ["Lasso alpha=0.5", "Lasso"]
    assert told.json["selectors"][0]["settings"]["alpha"] == 0.5


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answer(tell, whole, clicks, tmp_path):
    words = ("select", "--data", clicks, "--selectors", "Lasso", "--k", "1..n", *QUICK)
    assert tell(*words, "--out", tmp_path / "out").code == 0
    mine, theirs = (folder / "Lasso" / "curve.json" for folder in (tmp_path / "out", whole))
    assert mine.read_text() == theirs.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--selectors", "Nothing"], "there is no 'Nothing'; there are GBDT"),
        (["--selectors", "Lasso:OTHER"], "--selectors Lasso: there is no 'OTHER'"),
        (["--selectors", "Lasso,lasso"], "Lasso is given twice"),
        (["--selectors", "Lasso,,SHARK"], "wanted names with commas between them"),
        (["--model", "deepfn"], "there is no 'deepfn'"),
        (["--model.size", "3"], "size"),
        (["--k", "1..5"], "the table has 4 fields, got '1..5'"),
        (["--k", "0"], "--k: wanted whole numbers from 1 that increase"),
        (["--k", "3,2"], "--k: wanted whole numbers from 1 that increase"),
        (["--k", "many"], "numbers of fields such as 1..n"),
        (["--keep", "5"], "--keep: wanted a number of fields from 1 to 4, got 5"),
        (["--seed", "-1"], "--seed"),
        (["--training.epochs", "0"], "epochs must be"),
        (["--config", "nothing.yaml"], "nothing.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told_and_nothing_is_written(refused, clicks, tmp_path, words, message):
    given = ["select", "--data", clicks, "--out", tmp_path / "out"]
    if "--selectors" not in words:
        given += ["--selectors", "Lasso"]
    assert message in refused(*given, *words)


def test_data_that_is_not_there_is_refused(refused, tmp_path):
    told = refused("select", "--data", "ml-200k", "--out", tmp_path / "out")
    assert "'ml-200k': neither a file nor one of ml-100k" in told
    assert "--data" in refused("select", "--out", tmp_path / "out")


def test_a_folder_that_is_there_is_not_touched(refused, clicks, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    words = ("select", "--data", clicks, "--selectors", "Lasso", "--out", tmp_path / "out")
    assert "exists" in refused(*words)


def test_classes_from_elsewhere_cannot_be_named(refused, clicks, tmp_path):
    given = ("select", "--data", clicks, "--out", tmp_path / "out", "--selectors", "Lasso")
    assert "subprocess.Popen" in refused(*given, "--model", "subprocess.Popen")
