"""The report is whole, self-contained, and says what was found."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest

from graphforget.audit import quick_audit, table, write_report
from graphforget.audit.report import to_json
from graphforget.protocols import Outcome
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from tests.audit import methods

NASTY = "<script>alert('x')</script> & \"co\""


@pytest.fixture(scope="module")
def report(noisy_graph, learner, node_request):
    request = ForgetRequest(
        "node", node_request.index, NASTY, "2026-11-24T10:00:00Z", "withdrawn consent"
    )
    original = learner.fit(noisy_graph, NodeClassification(3), 0)
    return quick_audit(Outcome(original, methods.SelfDistil()(original, request), request, 1.5))


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    write_report(report, report.outcome, folder / "new")
    return folder / "new"


def test_numbers_have_the_same_names_on_every_arm(folder):
    found = json.loads((folder / "metrics.json").read_text())
    names = [set(found[arm]) for arm in ("before", "after", "oracle", "floor")]
    assert names[0] == names[1] == names[2] == names[3]
    assert {"test_accuracy", "forget_auc", "distance_forgotten"} <= names[0]
    assert found["verdict"]["passed"] is False
    assert found["regions"]["forgotten"]["rho"] > 0.5


def test_what_is_left_to_retraining_is_in_single_numbers(folder, report):
    found = json.loads((folder / "metrics.json").read_text())
    after, oracle = (found[arm]["population_attack_auc"] for arm in ("after", "oracle"))
    assert found["priv_leak"] == pytest.approx(100 * (after - oracle) / oracle)
    assert found["retrain_gap"]["test_accuracy"] == pytest.approx(
        found["after"]["test_accuracy"] - found["oracle"]["test_accuracy"])
    steps = {"before": 0.0, "after": 30.0, "oracle": 120.0, "floor": 110.0}
    arms = {arm: {**getattr(report, arm), "relearn_steps": count} for arm, count in steps.items()}
    full = dataclasses.replace(report, **arms)
    assert to_json(full)["relearn_ratio"] == 0.25
    assert "PrivLeak" in table(full) and "Relearn ratio" in table(full)
    assert "PrivLeak" in (folder / "report.html").read_text()


def test_pictures_are_there(folder):
    for name in ("scores.png", "distances.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_page_needs_nothing_from_outside(folder):
    text = (folder / "report.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:image/png;base64,)', text) == []
    assert "http://" not in text and "https://" not in text
    assert text.count("data:image/png;base64,") == 2


def test_page_is_balanced_and_escapes_what_users_wrote(folder):
    text = (folder / "report.html").read_text()
    assert "<script" not in text and "&lt;script&gt;" in text

    class Balance(HTMLParser):
        open: list[str] = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(text)
    assert parser.open == []


def test_page_says_what_a_reader_asks(folder, report):
    text = (folder / "report.html").read_text()
    for words in ("withdrawn consent", "8 nodes", report.outcome.request.digest, "SelfDistil",
                  "Not passed", "does not prove", "torch", "2026-11-24T10:00:00Z"):
        assert words in text


def test_table_for_the_terminal(report):
    text = table(report)
    assert "NOT PASSED" in text and "forgotten items" in text
    assert all(len(line) < 120 for line in text.splitlines()[:15])


def test_writing_twice_gives_the_same_files(report, folder, tmp_path):
    again = write_report(report, report.outcome, tmp_path)
    assert all(path.read_bytes() == (folder / path.name).read_bytes() for path in again)


def test_what_is_not_a_number_becomes_null(report, tmp_path):
    broken = dataclasses.replace(report, after={**report.after, "mi_ratio": float("nan")})
    write_report(broken, report.outcome, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["after"]["mi_ratio"] is None
