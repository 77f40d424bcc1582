"""Whoever changes the journal is found out: each column, each place, the end and the files."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from graphforget.core.errors import UserError
from graphforget.exact.case import STATES, State
from graphforget.exact.chain import START, Entry, linked
from graphforget.exact.journal import Journal
from graphforget.exact.journal_check import journal_findings
from graphforget.exact.key import destroy_key, key_at
from graphforget.exact.ledger import COLUMNS, head_of, read_entries
from graphforget.request import ForgetRequest

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with a journal of three requests, closed; tests copy it."""
    folder = tmp_path_factory.mktemp("written")
    with Journal(folder / "journal.db", KEY) as journal:
        for number in range(3):
            journal.open_request(f"r{number}", ForgetRequest("node", (number,)), {0: [[number]]})
        for state in STATES[2:]:
            journal.advance("r0", state)
        journal.advance("r1", State.DEACTIVATED)
    return folder


@pytest.fixture
def journal(written, tmp_path) -> Path:
    shutil.copytree(written, tmp_path / "copy")
    return tmp_path / "copy" / "journal.db"


def change(path: Path, *commands: str) -> None:
    database = sqlite3.connect(path)
    for command in commands:
        database.execute(command)
    database.commit()
    database.close()


def rewrite(path: Path, entries: list[Entry]) -> None:
    database = sqlite3.connect(path)
    database.execute("DELETE FROM entries")
    database.executemany(
        f"INSERT INTO entries ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(astuple, entries)
    )
    database.commit()
    database.close()


def found_out(path: Path, key: bytes | None = KEY) -> str:
    """The journal is not opened, and a check from outside says why."""
    with pytest.raises(UserError, match="journal.db"):
        Journal(path, KEY)
    found = journal_findings(path, key)
    assert found
    return str(found[0])


def test_untouched_it_is_sound(journal):
    assert journal_findings(journal, KEY) == journal_findings(journal) == []
    with Journal(journal, KEY) as opened:
        assert len(opened.entries()) == 11


@pytest.mark.parametrize("seq", [1, 5, 11])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("request_id", "'r9'"),
        ("state", "'PURGED'"),
        ("at", "'2020-01-01T00:00:00.000+00:00'"),
        ("payload", "'{\"kind\": \"edge\"}'"),
        ("previous", f"'{'1' * 64}'"),
        ("hash", f"'{'1' * 64}'"),
        ("seal", f"'{'1' * 64}'"),
        ("seq", "seq + 100"),
        ("payload", "x'00ff'"),
        ("at", "''"),
    ],
)
def test_a_changed_column_shows(journal, seq, column, value):
    if column == "state" and seq == 11:
        value = "'JOURNALLED'"
    change(journal, f"UPDATE entries SET {column} = {value} WHERE seq = {seq}")
    words = found_out(journal)
    assert "entry" in words or "entries" in words
    if column != "seal":
        assert journal_findings(journal)  # the hashes need no key


@pytest.mark.parametrize("seq", range(1, 12))
def test_a_removed_entry_shows_also_at_the_end(journal, seq):
    change(journal, f"DELETE FROM entries WHERE seq = {seq}")
    found_out(journal)


def test_two_entries_in_each_others_place_show(journal):
    change(
        journal,
        "UPDATE entries SET seq = -1 WHERE seq = 4",
        "UPDATE entries SET seq = 4 WHERE seq = 5",
        "UPDATE entries SET seq = 5 WHERE seq = -1",
    )
    found_out(journal)


def test_a_chain_written_anew_without_the_key_shows_by_its_seals(journal):
    entries, last = [], None
    for entry in read_entries(journal):
        at = "2020-01-01T00:00:00.000+00:00"
        last = linked(last, entry.request_id, entry.state, at, entry.payload, b"guess" * 8)
        entries.append(last)
    rewrite(journal, entries)
    assert "seal of another key" in found_out(journal)


def test_an_entry_put_in_with_a_true_hash_but_no_true_seal_shows(journal):
    entries = read_entries(journal)
    more = linked(entries[-1], "r2", "DEACTIVATED", "2026-01-01", "{}", KEY)
    rewrite(journal, [*entries, replace(more, seal="0" * 64)])
    assert "entry 12: bears the seal of another key" in found_out(journal)


def test_states_out_of_turn_show_even_with_true_seals(journal):
    entries = read_entries(journal)
    rewrite(journal, [*entries, linked(entries[-1], "r2", "PURGED", "2026-01-01", "{}", KEY)])
    assert "PURGED after JOURNALLED" in found_out(journal)


def test_another_key_is_noticed(journal):
    with pytest.raises(UserError, match="another key"):
        Journal(journal, KEY[::-1])
    assert journal_findings(journal, KEY[::-1])


def test_a_database_that_is_gone_or_set_back_is_noticed(journal, tmp_path):
    older = tmp_path / "older.db"
    change(journal, f"ATTACH '{older}' AS older", "CREATE TABLE older.entries AS "
           "SELECT * FROM entries WHERE seq <= 6")
    shutil.copy(older, journal)
    assert "had 11 entries and has 6" in found_out(journal)
    journal.unlink()
    with pytest.raises(UserError, match="had 11 entries and has 0"):
        Journal(journal, KEY)
    assert "there is none" in str(journal_findings(journal, KEY)[0])


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 50, b"1 2", b"x " * 3])
def test_a_head_that_says_nothing_is_noticed(journal, content):
    head_of(journal).write_bytes(content)
    assert "how far the journal went" in found_out(journal)


def test_a_missing_or_forged_head_is_noticed(journal):
    line = head_of(journal).read_text()
    head_of(journal).write_text(f"{0:020d} {START} {'0' * 64}\n")
    assert "another key" in found_out(journal)
    head_of(journal).write_text(line.replace("11 ", "10 "))
    assert "entry 10 is not the one" in found_out(journal)
    head_of(journal).unlink()
    assert "is missing" in found_out(journal)


@pytest.mark.parametrize(
    "content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_another_file_in_its_place_is_refused_by_name(journal, content):
    journal.write_bytes(content)
    found_out(journal)


def test_flipped_bytes_are_never_taken_for_good(journal):
    """Any byte of a stored text: the journal is refused, or nothing that it tells has changed."""
    good = [astuple(entry) for entry in read_entries(journal)]
    content = journal.read_bytes()
    for place in range(100, len(content), 797):
        journal.write_bytes(
            content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]
        )
        try:
            with Journal(journal, KEY) as opened:
                assert [astuple(entry) for entry in opened.entries()] == good
        except UserError as error:
            assert "journal.db" in str(error)


def test_a_damaged_write_ahead_log_does_not_lose_what_was_said_in_silence(tmp_path):
    path = tmp_path / "journal.db"
    journal = Journal(path, KEY)
    for number in range(5):
        journal.open_request(f"r{number}", ForgetRequest("node", (number,)), {0: [[1]]})
    saved = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    journal.close()
    log = bytearray(saved["journal.db-wal"])
    log[len(log) // 2] ^= 0xFF
    saved["journal.db-wal"] = bytes(log)
    del saved["journal.db-shm"]
    for name, content in saved.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match="had 10 entries and has"):
        Journal(path, KEY)


@pytest.mark.parametrize("content", [b"", b"{", b'{"kind": "node"}', b"[" * 5000, b"\xff"])
def test_a_torn_payload_is_refused_by_name(journal, content):
    with Journal(journal, KEY) as opened:
        (path,) = [p for p in journal.with_name("journal.db.open").iterdir()
                   if b"[2]" in p.read_bytes()]
        path.write_bytes(content)
        with pytest.raises(UserError, match=path.name):
            opened.request("r2")
        assert opened.request("r1").index == (1,)


def test_without_the_key_the_hashes_can_still_be_checked(tmp_path):
    file = tmp_path / "elsewhere" / "journal.key"
    key = key_at(file, create=True)
    assert file.stat().st_mode & 0o777 == 0o600
    with Journal(tmp_path / "journal.db", key) as journal:
        journal.open_request("one", ForgetRequest("node", (1,)), {0: [[1]]})
    assert destroy_key(file) and not destroy_key(file)
    with pytest.raises(UserError, match=r"journal\.key: the journal's key cannot be read"):
        key_at(file)
    assert journal_findings(tmp_path / "journal.db") == []


@pytest.mark.parametrize("content", [b"", b"12ab", b"zz" * 32, b"\xff" * 64, b"ab" * 33])
def test_a_file_that_holds_no_key_is_refused(tmp_path, content):
    (tmp_path / "journal.key").write_bytes(content)
    with pytest.raises(UserError, match=r"journal\.key: wanted a key"):
        key_at(tmp_path / "journal.key", create=True)
    assert (tmp_path / "journal.key").read_bytes() == content
