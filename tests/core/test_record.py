from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from graphforget.core.errors import UserError
from graphforget.core.record import Record, append_record, read_records, versions

RECORD = Record(
    benchmark="graph_unlearning",
    dataset="cora",
    task="node",
    model="GCN",
    learner="CrossEntropy",
    unlearner="D2DGN",
    config={"alpha": 0.5},
    seed=3,
    request={"kind": "node", "size": 5, "digest": "ab"},
    metrics={"test_accuracy": 0.8},
    oracle={"test_accuracy": 0.81},
    seconds=1.5,
)


def test_records_survive_the_file_in_order(tmp_path) -> None:
    path = tmp_path / "deep" / "records.jsonl"
    assert read_records(path) == []
    failed = replace(RECORD, status="failed", error="two\nlines", metrics={})
    for record in (RECORD, failed):
        append_record(path, record)
    assert read_records(path) == [RECORD, failed]
    assert len(path.read_text().splitlines()) == 2


def test_the_key_is_what_was_asked_and_nothing_else() -> None:
    came = {"metrics": {}, "oracle": {}, "seconds": 9.0, "status": "failed", "git": "c"}
    assert replace(RECORD, **came).key == RECORD.key
    for name, value in [("seed", 4), ("config", {"alpha": 0.6}), ("dataset", "x"), ("request", {})]:
        assert replace(RECORD, **{name: value}).key != RECORD.key


def test_a_metric_that_is_not_a_number_is_still_valid_json() -> None:
    line = replace(RECORD, metrics={"a": math.nan, "b": 1.0}).to_line()
    strict = json.loads(line, parse_constant=lambda name: pytest.fail(name))
    assert strict["metrics"] == {"a": None, "b": 1.0}
    back = Record.from_line(line).metrics
    assert math.isnan(back["a"]) and back["b"] == 1.0


def test_a_line_cut_short_is_skipped_with_a_warning(tmp_path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, RECORD)
    with open(path, "a") as file:
        file.write(RECORD.to_line()[:-20])
    append_record(path, RECORD)
    with pytest.warns(UserWarning, match="line 2"):
        assert read_records(path) == [RECORD, RECORD]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[]", "wanted a JSON object"),
        ("{}", "schema"),
        ('{"schema": 99}', "schema 1, got 99"),
        ('{"schema": 1, "colour": 1}', "unknown field 'colour'"),
        ('{"schema": 1}', "missing"),
        (RECORD.to_line().replace('"ok"', '"fine"'), "status"),
        (RECORD.to_line().replace('{"test_accuracy": 0.8}', "7"), "metrics"),
    ],
)
def test_lines_that_are_no_records_name_their_place(tmp_path, line, message) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, RECORD)
    with open(path, "a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=message) as refused:
        read_records(path)
    assert "records.jsonl, line 2" in str(refused.value)


def test_versions_name_what_results_depend_on() -> None:
    assert {"python", "torch"} <= set(versions())
