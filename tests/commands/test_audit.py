import json
import shutil

import pytest

from tests.commands.conftest import contents


@pytest.fixture(scope="module")
def forgot(node_run, tmp_path_factory):
    """A run that forgot, beside the run it was made from, in a folder of its own."""
    from graphforget.cli import main

    folder = tmp_path_factory.mktemp("audit")
    shutil.copytree(node_run, folder / "before")
    words = ["forget", folder / "before", "--sample", "nodes:10%", "--method", "Unlink"]
    assert main([str(word) for word in [*words, "--out", folder / "after"]]) == 0
    return folder / "after"


@pytest.fixture
def after(forgot, tmp_path):
    """A copy of it to write into."""
    shutil.copytree(forgot.parent, tmp_path / "runs")
    return tmp_path / "runs" / "after"


def test_report_goes_into_the_run_beside_what_is_there(tell, after):
    before = contents(after)
    told = tell("audit", after)
    assert told.code == 0 and "report.html" in told.out
    metrics = json.loads((after / "metrics.json").read_text())
    assert {"before", "after", "oracle", "floor", "verdict", "parent", "seconds"} <= set(metrics)
    assert set(metrics["before"]) == set(metrics["oracle"]) >= {"test_accuracy"}
    now = contents(after)
    new = set(now) - set(before)
    assert "report.html" in new and any(name.endswith(".png") for name in new)
    assert all(now[name] == before[name] for name in before if name != "metrics.json")


def test_audit_again_and_predict_after(tell, after):
    assert tell("audit", after).code == 0
    first = json.loads((after / "metrics.json").read_text())
    assert tell("audit", after).code == 0
    second = json.loads((after / "metrics.json").read_text())
    assert second["oracle"] == first["oracle"] and second["parent"] == first["parent"]
    assert tell("predict", after).code == 0


def test_a_folder_of_its_own_leaves_the_run_alone(tell, refused, after, tmp_path):
    before = contents(after)
    told = tell("audit", after, "--out", tmp_path / "report", "--json")
    assert told.code == 0 and contents(after) == before
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert told.json["verdict"] == metrics["verdict"]
    assert "exists" in refused("audit", after, "--out", tmp_path / "report")


def test_strict_exits_with_3_when_it_does_not_pass(tell, after):
    told = tell("audit", after, "--strict", "--json")
    assert not told.json["verdict"]["passed"]  # unlinked weights are the original's
    assert told.code == 3
    assert tell("audit", after).code == 0


def test_a_retrained_run_can_be_the_oracle(tell, refused, after, tmp_path):
    words = ["forget", after.parent / "before", "--request", after / "request.json"]
    assert tell(*words, "--method", "Retrain", "--seed", 9, "--out", tmp_path / "re").code == 0
    assert tell("audit", after, "--oracle", tmp_path / "re").code == 0
    assert "other data" in refused("audit", after, "--oracle", after.parent / "before")


def test_moved_original_is_found_with_before(tell, refused, after, tmp_path):
    (after.parent / "before").rename(tmp_path / "moved")
    assert "--before" in refused("audit", after)
    assert tell("audit", after, "--before", tmp_path / "moved").code == 0


def test_a_run_that_forgot_nothing_is_refused(refused, node_run):
    assert "forgot nothing" in refused("audit", node_run)


def test_requests_that_were_not_carried_out_are_refused(refused, after):
    (after / "request.json").write_text('{"kind": "node", "index": [1]}\n')
    assert "not the requests the run carried out" in refused("audit", after)


@pytest.mark.parametrize("parent", [1, {}, {"run": 5}, {"run": "/nowhere"}, {"run": "\x00"}])
def test_a_damaged_reference_is_refused(refused, after, parent):
    metrics = json.loads((after / "metrics.json").read_text())
    (after / "metrics.json").write_text(json.dumps(metrics | {"parent": parent}))
    refused("audit", after)


@pytest.mark.slow
def test_full_audit_judges_the_method(tell, after):
    told = tell("audit", after, "--full", "--models", 4, "--json")
    assert told.code == 0 and told.json["kind"] == "full" and told.json["models"] == 4


def test_requests_judged_together_are_named_with_their_method(tell, after, tmp_path):
    queue = tmp_path / "queue.jsonl"
    lines = ['{"kind": "node", "index": [1], "id": "req-1"}']
    lines += ['{"kind": "node", "index": [2], "id": "req-2"}']
    queue.write_text("\n".join(lines))
    words = ["forget", after.parent / "before", "--request", queue, "--method", "Unlink"]
    assert tell(*words, "--out", tmp_path / "two").code == 0
    assert tell("audit", tmp_path / "two").code == 0
    page = (tmp_path / "two" / "report.html").read_text()
    assert "req-1, req-2" in page and "Unlink (" in page
    assert "2, carried out one after the other" in page and "no step" not in page


def test_too_few_models_are_refused(refused, after):
    assert "at least 4" in refused("audit", after, "--full", "--models", 1)
