"""A certificate says what the journal says, promises no more than holds, and cannot be edited."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from graphforget.core.errors import UserError
from graphforget.exact import guarantee
from graphforget.exact.case import STATES, State
from graphforget.exact.certificate import Certificate, certify
from graphforget.exact.journal import Journal
from graphforget.exact.plan import Plan
from graphforget.request import ForgetRequest

KEY = bytes(range(32))
PLAN = Plan.chains(shards=2, slices=2, orders=2)
REQUEST = ForgetRequest("node", (987654321, 5))


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db", KEY) as opened:
        opened.open_request("one", REQUEST, {1: [[0]]})
        yield opened


def finished(journal: Journal) -> Certificate:
    journal.advance("one", State.DEACTIVATED, {"before": {"slice 1-0": "aa"}, "epoch": 3})
    for state in STATES[3:]:
        journal.advance("one", state, {"after": {"slice 1-0": "bb"}})
    return certify(journal, PLAN, "one")


def test_it_tells_what_died_when_and_what_changed(journal):
    issued = finished(journal)
    assert issued.died == ((1, (0,)), (1, (0, 1)), (1, (1, 0)))
    assert list(issued.reached) == list(STATES)
    assert (issued.before, issued.after) == ({"slice 1-0": "aa"}, {"slice 1-0": "bb"})
    assert issued.environment["torch"]
    assert issued.guaranteed == (guarantee.SERVED, guarantee.REPAIRED, guarantee.PURGED)
    assert issued.not_guaranteed == guarantee.NEVER
    assert issued.verify(journal) == []
    assert "request one, 2 nodes: PURGED at " in issued.line() and "3 stages" in issued.line()


def test_it_promises_no_more_than_has_been_done(journal):
    with pytest.raises(UserError, match="'one': is JOURNALLED and not carried out yet"):
        certify(journal, PLAN, "one")
    with pytest.raises(UserError, match="knows none"):
        certify(journal, PLAN, "two")
    journal.advance("one", State.DEACTIVATED)
    early = certify(journal, PLAN, "one")
    assert early.guaranteed == (guarantee.SERVED,)
    assert {guarantee.DEPTH_SHOWS, guarantee.STILL_ON_DISK} < set(early.not_guaranteed)
    journal.advance("one", State.PURGED)  # nobody repaired
    later = certify(journal, PLAN, "one")
    assert later.guaranteed == (guarantee.SERVED, guarantee.PURGED)
    assert guarantee.DEPTH_SHOWS in later.not_guaranteed
    assert early.verify(journal) == later.verify(journal) == []


def test_it_names_nobody(journal):
    issued = finished(journal)
    assert "987654321" not in issued.to_json() and REQUEST.digest not in issued.to_json()
    assert issued.is_about(REQUEST, journal)
    assert not issued.is_about(ForgetRequest("node", (5,)), journal)


def test_it_comes_back_from_its_file(journal, tmp_path):
    issued = finished(journal)
    issued.write(tmp_path / "certificate.json")
    assert Certificate.read(tmp_path / "certificate.json") == issued
    assert Certificate.read(tmp_path / "certificate.json").verify(journal) == []


@pytest.mark.parametrize("field", [field.name for field in fields(Certificate)])
def test_any_change_to_it_shows(journal, field):
    issued = finished(journal)
    value = getattr(issued, field)
    other = {str: "x", int: 1000, tuple: (), dict: {}}[type(value)]
    found = replace(issued, **{field: other}).verify(journal)
    assert any("was changed" in finding.words for finding in found)


def test_a_journal_that_was_set_back_does_not_bear_it_out(journal, tmp_path):
    issued = finished(journal)
    with Journal(tmp_path / "other.db", KEY) as other:
        assert any("knows no such request" in one.words for one in issued.verify(other))
        other.open_request("one", REQUEST, {1: [[0]]})
        words = " ".join(finding.words for finding in issued.verify(other))
        assert "no longer holds" in words and "about DEACTIVATED" in words


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "7", '{"schema": 1}', "[" * 100_000, '{"schema": 2}', "\0"]
)
def test_what_is_no_certificate_is_refused(tmp_path, text):
    path = tmp_path / "certificate.json"
    path.write_text(text)
    with pytest.raises(UserError, match="certificate.json: wanted a deletion certificate"):
        Certificate.read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="UTF-8"):
        Certificate.read(path)
    with pytest.raises(UserError, match="cannot be read"):
        Certificate.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("field", "value"), [("died", 7), ("died", [["x", 1]]), ("reached", {"DONE": {}}),
                         ("reached", []), ("guaranteed", None), ("unknown", 1)],
)
def test_a_certificate_with_a_wrong_field_is_refused(journal, field, value):
    said = json.loads(finished(journal).to_json())
    said[field] = value
    with pytest.raises(UserError, match="wanted a deletion certificate"):
        Certificate.from_json(json.dumps(said))
