"""The journal: idempotent, one writer, forward only, and silent about whom it is about."""

from __future__ import annotations

import threading

import pytest

from graphforget.core.errors import UserError
from graphforget.exact import ledger
from graphforget.exact.case import STATES, State
from graphforget.exact.journal import Journal
from graphforget.exact.journal_check import journal_findings, read_cases
from graphforget.request import ForgetRequest

KEY = bytes(range(32))
NODE = ForgetRequest("node", (987654321,))
HITS = {0: [[2]], 3: [[1, 4], [4]]}


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db", KEY) as opened:
        yield opened


def reopened(journal: Journal) -> Journal:
    journal.close()
    return Journal(journal.path, KEY)


def test_a_request_goes_through_its_states_and_survives_reopening(journal):
    journal.open_request("one", NODE, HITS)
    for state in STATES[2:]:
        journal.advance("one", state, {"state": state.value})
        journal = reopened(journal)
        case = journal.case("one")
        assert case.state is state
        assert case.entry(state).content == {"state": state.value}
    assert [entry.state for entry in journal.entries()] == list(STATES)
    assert case.hits == {0: {frozenset({2})}, 3: {frozenset({1, 4}), frozenset({4})}}
    assert journal.verify() == []
    journal.close()


def test_the_same_request_twice_is_one(journal):
    first = journal.open_request("one", NODE, HITS)
    journal.advance("one", State.DEACTIVATED)
    again = journal.open_request("one", NODE, {})
    assert again.state is State.DEACTIVATED and again.hits == first.hits
    assert journal.advance("one", State.DEACTIVATED, {"other": 1}).content == {}
    assert len(journal.entries()) == 3


def test_an_id_that_stands_for_another_request_is_refused(journal):
    journal.open_request("one", NODE, HITS)
    with pytest.raises(UserError, match="'one': another request came under this id"):
        journal.open_request("one", ForgetRequest("node", (1,)), HITS)
    with pytest.raises(UserError, match="'one': another request came under this id"):
        journal.open_request("one", ForgetRequest("feature", NODE.index), HITS)
    assert len(journal.entries()) == 2


def test_nothing_skips_the_acknowledgement_or_goes_back(journal):
    journal.open_request("one", NODE, HITS)
    for state in STATES[3:]:
        with pytest.raises(UserError, match=f"cannot come to {state} from JOURNALLED"):
            journal.advance("one", state)
    journal.advance("one", State.DEACTIVATED)
    journal.advance("one", State.PURGED)
    with pytest.raises(UserError, match="cannot come to REPAIRED from PURGED"):
        journal.advance("one", State.REPAIRED)
    with pytest.raises(UserError, match="knows none"):
        journal.advance("two", State.DEACTIVATED)


def test_many_at_once_are_all_or_none(journal):
    for name in ("one", "two"):
        journal.open_request(name, NODE, HITS)
    journal.advance("one", State.DEACTIVATED)
    with pytest.raises(UserError):
        journal.advance_all(["one", "two"], State.REPAIR_QUEUED)
    assert len(journal.entries()) == 5
    journal.advance_all(["one", "two"], State.DEACTIVATED)
    assert [case.request_id for case in journal.pending(State.DEACTIVATED)] == ["one", "two"]
    assert len(journal.entries()) == 6


def test_no_file_of_the_journal_names_an_id_and_the_payload_goes_with_the_purge(journal):
    folder = journal.path.parent
    journal.open_request("one", NODE, HITS)
    holders = [path for path in folder.rglob("*") if path.is_file() and b"987654321" in
               path.read_bytes()]
    assert [path.parent.name for path in holders] == ["journal.db.open"]
    assert holders[0].stat().st_mode & 0o077 == 0
    assert journal.request("one") == NODE
    assert NODE.digest.encode() not in journal.path.with_name("journal.db-wal").read_bytes()
    journal.advance("one", State.DEACTIVATED)
    journal.advance("one", State.PURGED)
    assert not list((folder / "journal.db.open").iterdir())
    with pytest.raises(UserError, match="is purged"):
        journal.request("one")
    assert journal.naming("node", 987654321) and not journal.naming("node", 1)
    assert not journal.naming("feature", 987654321)


def test_pairs_are_found_again(journal):
    journal.open_request("one", ForgetRequest("edge", [(3, 1)]), {})
    assert journal.naming("edge", (1, 3)) and not journal.naming("edge", (1, 2))


def test_an_unnamed_request_is_named_after_what_it_asks_but_only_with_the_key(journal, tmp_path):
    assert journal.name_of(NODE) == journal.name_of(ForgetRequest("node", NODE.index * 2))
    assert journal.name_of(ForgetRequest("node", (1,), id="mine")) == "mine"
    with Journal(tmp_path / "other.db", KEY[::-1]) as other:
        assert other.name_of(NODE) != journal.name_of(NODE)


def test_a_second_writer_is_refused_while_the_first_lives(journal):
    with pytest.raises(UserError, match="another process writes to this journal"):
        Journal(journal.path, KEY)
    journal.open_request("one", NODE, HITS)
    assert set(read_cases(journal.path)) == {"one"}  # readers are welcome
    assert journal_findings(journal.path, KEY) == []


def test_a_writer_that_was_replaced_where_locks_do_not_reach_stops(journal, monkeypatch):
    journal.open_request("one", NODE, HITS)
    monkeypatch.setattr(ledger.fcntl, "flock", lambda *_: None)
    with Journal(journal.path, KEY) as successor:
        with pytest.raises(ledger.Fenced):
            journal.advance("one", State.DEACTIVATED)
        successor.advance("one", State.DEACTIVATED)
    assert journal.case("one").state is State.JOURNALLED
    assert journal_findings(journal.path, KEY) == []


def test_threads_may_share_it(journal):
    def serve(start: int) -> None:
        for number in range(start, start + 10):
            journal.open_request(f"r{number}", ForgetRequest("node", (number,)), {0: [[1]]})
            journal.advance(f"r{number}", State.DEACTIVATED)

    threads = [threading.Thread(target=serve, args=(10 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.pending(State.DEACTIVATED)) == 40
    assert journal.verify() == []


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "\ud800", 7, None])
def test_hostile_ids_are_refused(journal, name):
    with pytest.raises(UserError, match="request id: wanted"):
        journal.open_request(name, NODE, HITS)
    assert journal.entries() == ()


@pytest.mark.parametrize("note", [{"a": float("nan")}, {"a": {1}}, {"a": b"x"}])
def test_notes_that_json_cannot_say_are_refused(journal, note):
    journal.open_request("one", NODE, HITS)
    with pytest.raises(UserError, match="JSON"):
        journal.advance("one", State.DEACTIVATED, note)
    assert journal.case("one").state is State.JOURNALLED


def test_names_that_look_like_sql_or_paths_are_names(journal):
    for name in ("'; DROP TABLE entries; --", "../../etc/passwd", "日本", "a" * 200):
        journal.open_request(name, NODE, HITS)
        assert journal.request(name) == NODE
    assert len(list((journal.path.parent / "journal.db.open").iterdir())) == 4
    assert journal.verify() == []


def test_short_keys_and_texts_are_refused(tmp_path):
    for key in (b"short", "x" * 32):
        with pytest.raises(UserError, match="journal key"):
            Journal(tmp_path / "journal.db", key)
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_known_although_what_comes_after_fails(journal, monkeypatch):
    def fails(*_):
        raise OSError("disk")

    with monkeypatch.context() as broken:
        broken.setattr(ledger.Ledger, "_write_head", fails)
        journal.open_request("one", NODE, HITS)
    journal.advance("one", State.DEACTIVATED)
    with monkeypatch.context() as broken:
        broken.setattr("graphforget.exact.payloads.destroy_file", fails)
        with pytest.raises(OSError, match="disk"):
            journal.advance("one", State.PURGED)
    assert journal.case("one").state is State.PURGED
    journal.advance("one", State.PURGED)  # again, and it is not written twice
    assert journal.verify() == [] and not list(journal.path.with_name("journal.db.open").iterdir())
    reopened(journal).close()


def test_a_journal_that_is_gone_is_not_begun_anew_over_open_requests(journal):
    journal.open_request("one", NODE, HITS)
    journal.close()
    for path in journal.path.parent.glob("journal.db*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(UserError, match="is gone.*journal.db.open.*restore it from a backup"):
        Journal(journal.path, KEY)
    assert list(journal.path.with_name("journal.db.open").iterdir())
