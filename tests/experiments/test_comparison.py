"""The benchmark of methods: controls come out as they must, rows are kept, tables are read off."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import front, request_size, unlearning
from benchmarks.arms import measured, rerandomised, set_up, unlearned
from benchmarks.front import Point, pareto, points_of
from benchmarks.rows import finite, read_rows
from experiments.settings import Nodes
from graphforget.audit import fit_many
from graphforget.data.sample_nodes import random_nodes
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.task import NodeClassification
from graphforget.unlearn import Retrain, Unlink
from tests.conftest import planted_partition


@pytest.fixture(scope="module")
def bench():
    data, _ = Nodes(normalise=False).prepare(planted_partition(), seed=0)
    task, learner = NodeClassification.of(data), CrossEntropy(GCN(hidden=8), epochs=40)
    originals = fit_many(learner, data, task, range(6))
    return set_up(originals, learner, random_nodes(data, 8, seed=0))


def test_doing_nothing_is_one_and_retraining_is_zero(bench):
    nothing, again = measured(bench, bench.none), measured(bench, bench.floor)
    for place in ("forgotten", "ring", "test"):
        assert nothing["distance"][place] == nothing["none"][place]
        assert again["distance"][place] == again["floor"][place]
    assert nothing["rho"]["forgotten"] == 1 and again["rho"]["forgotten"] == 0
    assert nothing["attack"].keys() >= {"forgotten", "retained", "test", "excess"}


def test_fresh_weights_are_no_way_out(bench):
    learner = bench.none.models[0].learner
    found = measured(bench, bench.arm(rerandomised(bench.none.models, learner, bench.request)))
    assert found["distance"]["test"] > 2 * found["none"]["test"]
    assert found["utility"]["test_accuracy"] < 0.7


def test_each_copy_is_unlearned_by_itself_and_timed(bench):
    models, cost = unlearned(Retrain(), bench.none.models, bench.request)
    assert len(models) == 6 and len({id(each.model) for each in models}) == 6
    assert 0.3 < cost.cpu_seconds / bench.retraining.cpu_seconds < 3
    _, nothing = unlearned(Unlink(), bench.none.models, bench.request)
    assert nothing.cpu_seconds < 0.2 * cost.cpu_seconds


def test_the_front_is_what_nothing_beats():
    points = [Point("cheap", "", 0.01, 0.9), Point("worse", "", 0.02, 0.95),
              Point("good", "", 0.1, -0.2), Point("dear", "", 0.5, -0.3)]
    assert [point.method for point in pareto(points)] == ["cheap", "good"]  # below 0 is noise


def _row(method, seed, cost, rho, status="ok"):
    found = {"task": "node", "dataset": "digits", "request": "nodes:5%", "seed": seed,
             "method": method, "models": 4, "status": status}
    if status != "ok":
        return found | {"error": "it would not"}
    return found | {
        "cost": cost, "rho": {"forgotten": rho}, "distance": {"forgotten": 0.1},
        "floor": {"forgotten": 0.05}, "utility": {"test_accuracy": 0.9}, "attack": {},
    }


def test_table_and_picture_are_means_over_seeds(tmp_path):
    rows = [_row("Unlink", 0, 0.01, 0.5), _row("Unlink", 1, 0.03, 0.7), _row("none", 0, 0.0, 1.0),
            _row("Fussy", 0, 0, 0, "refused"), _row("Odd", 0, 0.1, None)]
    assert points_of(rows)[0] == Point("Unlink", "Unlink", 0.02, 0.6)
    assert [point.method for point in points_of(rows)] == ["Unlink", "none"]
    table = front.write_table(rows, tmp_path / "t.md").read_text()
    assert "| Unlink | 0.020 ± 0.014 | 0.600 ± 0.141 |" in table
    assert "| Fussy | refused: it would not |" in table and "2 seeds, 4 models" in table
    (picture,) = front.write_pictures(rows, tmp_path)
    assert picture.name == "front-node-nodes-5pc.png" and picture.stat().st_size > 5000


def test_rows_that_were_cut_short_are_left_out(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert read_rows(path) == []
    path.write_text('{"a": 1}\n{"a": 2')
    assert read_rows(path) == [{"a": 1}]
    assert json.loads(json.dumps(finite({"x": float("nan"), "y": {"z": 1.0}}))) == {
        "x": None, "y": {"z": 1.0},
    }


@pytest.mark.slow
def test_a_comparison_goes_on_where_it_stopped(tmp_path, monkeypatch):
    out = tmp_path / "rows.jsonl"
    arguments = ["unlearning", "--quick", "--out", str(out), "--only", "/nodes:5%/"]
    monkeypatch.setattr(sys, "argv", [*arguments, "/(none|floor|Unlink)$"])
    unlearning.main()
    rows = read_rows(out)
    assert [row["method"] for row in rows] == ["none", "floor", "Unlink"]
    assert rows[2]["cost"] < 0.1 and rows[1]["cost"] == 1
    monkeypatch.setattr(unlearning, "trained", None)  # nothing is left to train
    unlearning.main()
    assert read_rows(out) == rows and Path(out.with_suffix(".md")).exists()


@pytest.mark.slow
def test_cost_by_request_size_is_measured_against_estimated_training(tmp_path, monkeypatch):
    out = tmp_path / "size.jsonl"
    only = ["node/.*edges:(1|5%)/", "/(Unlink|Resume.*)$"]
    monkeypatch.setattr(sys, "argv", ["request_size", "--quick", "--out", str(out),
                                      "--only", *only])
    request_size.main()
    rows = read_rows(out)
    assert len(rows) == 4 and all(row["status"] == "ok" for row in rows)
    assert all(row["cost"] < 0.5 and row["measured_epochs"] == 10 for row in rows)
    assert "estimated from 10 measured epochs" in out.with_suffix(".md").read_text()
