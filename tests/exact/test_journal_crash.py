"""A journal whose writer is killed at any moment holds all that it said it holds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphforget.core.errors import UserError
from graphforget.exact.case import State
from graphforget.exact.journal import Journal
from graphforget.exact.ledger import Ledger
from graphforget.request import ForgetRequest

KEY = bytes(range(32))

WRITER = """
import sys
from graphforget.exact.case import State
from graphforget.exact.journal import Journal
from graphforget.request import ForgetRequest

journal = Journal(sys.argv[1], bytes(range(32)))
number = len(journal.cases())
print("ready", flush=True)
while True:
    name = f"r{number}"
    journal.open_request(name, ForgetRequest("node", (number,)), {0: [[number % 4]]})
    print(name, "JOURNALLED", flush=True)
    for state in list(State)[2:]:
        journal.advance(name, state)
        print(name, state.value, flush=True)
    number += 1
"""


def told_before_kill(path: Path, seconds: float) -> list[tuple[str, State]]:
    """What a writer said is on the disk before it was killed."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert writer.stdout is not None
    try:
        assert writer.stdout.readline() == "ready\n"
        time.sleep(seconds)
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        said = writer.stdout.read()
        writer.wait()
    whole = said.rpartition("\n")[0].splitlines()
    return [(name, State(state)) for name, state in (line.split() for line in whole)]


@pytest.mark.slow
def test_what_was_said_before_a_kill_is_there_afterwards(tmp_path):
    path = tmp_path / "journal.db"
    draw = random.Random(0)
    told: list[tuple[str, State]] = []
    for _ in range(4):
        told += told_before_kill(path, draw.uniform(0.05, 0.4))
        with Journal(path, KEY) as journal:
            assert journal.verify() == []
            for name, state in told:
                assert journal.case(name).entry(state) is not None, (name, state)
            for case in journal.cases():  # none half applied: every open one can be finished
                if case.state is not State.PURGED:
                    assert journal.request(case.request_id).size == 1
            kept = {case.request_id for case in journal.cases() if case.state is not State.PURGED}
            assert len(list((tmp_path / "journal.db.open").iterdir())) == len(kept)
    assert len(told) > 10


def test_killed_between_the_payload_and_the_journal_nothing_was_promised(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "journal.db", KEY)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            journal.open_request("one", ForgetRequest("node", (1,)), {0: [[1]]})
    journal.close()
    assert len(list((tmp_path / "journal.db.open").iterdir())) == 1
    with Journal(tmp_path / "journal.db", KEY) as again:
        assert again.cases() == () and not list((tmp_path / "journal.db.open").iterdir())
        again.open_request("one", ForgetRequest("node", (1,)), {0: [[1]]})
        assert again.verify() == []


def test_killed_between_the_purge_and_its_payload_the_next_opening_destroys_it(
    tmp_path, monkeypatch
):
    journal = Journal(tmp_path / "journal.db", KEY)
    journal.open_request("one", ForgetRequest("node", (1,)), {0: [[1]]})
    journal.advance("one", State.DEACTIVATED)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("graphforget.exact.payloads.Payloads.destroy", killed)
        with pytest.raises(KeyboardInterrupt):
            journal.advance("one", State.PURGED)
    journal.close()
    with Journal(tmp_path / "journal.db", KEY) as again:
        assert again.case("one").state is State.PURGED
        assert not list((tmp_path / "journal.db.open").iterdir())


def test_killed_between_an_entry_and_the_head_is_no_reason_for_suspicion(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "journal.db", KEY)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "_write_head", lambda *_: None)
        journal.open_request("one", ForgetRequest("node", (1,)), {0: [[1]]})
    journal.close()
    with Journal(tmp_path / "journal.db", KEY) as again:
        assert again.verify() == [] and "one" in again
        again.advance("one", State.DEACTIVATED)
        assert again.verify() == []


def test_half_written_payloads_and_a_half_written_last_transaction_are_passed_over(tmp_path):
    """The end of the write-ahead log is torn as a power failure tears what was never forced."""
    path = tmp_path / "journal.db"
    journal = Journal(path, KEY)
    journal.open_request("one", ForgetRequest("node", (1,)), {0: [[1]]})
    log = path.with_name("journal.db-wal")
    copied = {name: (tmp_path / name).read_bytes() for name in ("journal.db", "journal.db.head")}
    before = log.read_bytes()
    journal.advance("one", State.DEACTIVATED)
    after = log.read_bytes()
    journal.close()
    (tmp_path / "journal.db.open" / ".x.partial").write_bytes(b'{"kind": "no')
    for cut in (len(before) + 1, (len(before) + len(after)) // 2, len(after) - 1):
        for name, content in copied.items():
            (tmp_path / name).write_bytes(content)
        log.write_bytes(after[:cut])
        path.with_name("journal.db-shm").unlink(missing_ok=True)
        with Journal(path, KEY) as again:
            assert again.case("one").state is State.JOURNALLED
            assert again.request("one").index == (1,)
            assert again.verify() == []
            assert len(list((tmp_path / "journal.db.open").iterdir())) == 1


def test_a_full_disk_is_told_and_nothing_is_half_there(tmp_path):
    journal = Journal(tmp_path / "journal.db", KEY)
    journal.open_request("one", ForgetRequest("node", (1,)), {0: [[1]]})
    database = journal._ledger._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UserError, match="cannot be used .*full.* nothing was acknowledged"):
        for _ in range(100):
            journal.open_request(
                "two", ForgetRequest("node", tuple(range(2000))), {0: [[1]]}
            )
    assert "two" not in journal and journal.verify() == []
    database.execute("PRAGMA max_page_count = 1000000")
    journal.open_request("two", ForgetRequest("node", (2,)), {0: [[1]]})
    assert journal.verify() == []
    journal.close()
