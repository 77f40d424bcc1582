"""The journal's file: entries in SQLite, one writer, nothing lost once it is said to be there.

Write-ahead logging with every commit forced to the disk: a killed writer leaves the entries of
whole transactions. Beside the database stands ``<name>.head``, which says how far the journal went
when the last entry was written, so that a cut end shows; and ``<name>.lock``, which one writer
holds. Where locks do not reach (some network disks), a number drawn at opening does: a writer that
finds another number than its own has been replaced, and stops.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from graphforget.exact.chain import START, Entry, Finding, broken_links, seal_of
from graphforget.exact.destroy import sync_folder

TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL,
    payload TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, seal TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS writer (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
INSERT OR IGNORE INTO writer VALUES (1, 0);
"""
COLUMNS = "seq, request_id, state, at, payload, previous, hash, seal"


class Fenced(UserError):
    """Another writer has taken the journal over: this one must stop, and answer no more."""


class Ledger:
    """The one writer of a journal's file.

    Args:
        path: the database; made if it is not there.
        key: what entries are sealed with.

    Raises:
        UserError: if another process writes to it, if it is damaged, or if it was changed.
    """

    def __init__(self, path: str | Path, key: bytes) -> None:
        self.path = Path(path)
        self._key = key
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.path.with_name(self.path.name + ".lock"), self.path)
        try:
            self.entries = list(read_entries(self.path)) if self.path.exists() else []
            if found := cut_end(self.path, self.entries, key) or broken_links(
                self.entries, str(self.path), key
            ):
                raise UserError(
                    f"{found[0]}; nothing is done on its word: restore it from a backup"
                )
            if not head_of(self.path).exists():
                self._write_head(0, START)
            with _plain_errors(self.path):
                self._open()
        except BaseException:
            self.close()
            raise

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries, all or none, and return when they are on the disk.

        Raises:
            Fenced: if another writer has opened the journal since.
            UserError: if it cannot be written to.
        """
        with _plain_errors(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                number = self._database.execute("SELECT number FROM writer").fetchone()[0]
                if number != self._number:
                    raise Fenced(f"{self.path}: another process has taken the journal over")
                self._database.executemany(
                    f"INSERT INTO entries ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    [(e.seq, e.request_id, e.state, e.at, e.payload, e.previous, e.hash, e.seal)
                     for e in entries],
                )
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        self.entries.extend(entries)
        with suppress(OSError):  # they are on the disk, and a head that lags behind is no lie
            self._write_head(entries[-1].seq, entries[-1].hash)

    def close(self) -> None:
        """Let go of the file, so that another may write."""
        if hasattr(self, "_database"):
            self._database.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _open(self) -> None:
        self._database = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=10
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(TABLES)
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("UPDATE writer SET number = number + 1")
        self._number = self._database.execute("SELECT number FROM writer").fetchone()[0]
        self._database.execute("COMMIT")
        sync_folder(self.path.parent)

    def _write_head(self, seq: int, digest: str) -> None:
        """Say how far the journal goes; this need not reach the disk at once to be of use.

        After a power failure the head may be an older one, which is no reason for suspicion.
        """
        line = f"{seq:020d} {digest} {seal_of(digest, self._key)}\n".encode()
        path = head_of(self.path)
        if not path.exists():
            write_atomically(path, line)
            return
        file = os.open(path, os.O_WRONLY)
        try:
            os.pwrite(file, line, 0)  # always as long as before, within one block
        finally:
            os.close(file)


def read_entries(path: Path) -> list[Entry]:
    """All entries of a journal, in order; it is only read, also while another writes to it.

    Raises:
        UserError: if it is missing or damaged.
    """
    if not path.is_file():
        raise UserError(f"{path}: wanted a journal, there is none; check the path")
    with _plain_errors(path), closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    ) as database:
        there = database.execute("SELECT name FROM sqlite_master WHERE name = 'entries'").fetchone()
        if there is None:
            return []
        complaint = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if complaint != "ok":
            raise sqlite3.DatabaseError(complaint)
        rows = database.execute(f"SELECT {COLUMNS} FROM entries ORDER BY seq").fetchall()
    if not all(isinstance(row[0], int) and set(map(type, row[1:])) == {str} for row in rows):
        raise UserError(f"{path}: the journal is damaged: an entry holds other than text")
    return [Entry(*row) for row in rows]


def cut_end(path: Path, entries: Sequence[Entry], key: bytes | None = None) -> list[Finding]:
    """What the head beside a journal says that the entries do not."""
    head = head_of(path)
    if not head.exists():
        missing = f"is missing, so that nothing says whether {path.name} was cut short"
        return [Finding(str(head), missing)] if entries else []
    try:
        number, digest, seal = head.read_bytes().decode("ascii").split()
        seq = int(number)
    except (OSError, ValueError):
        return [Finding(str(head), "cannot be read, so that nothing says how far the journal went")]
    if key is not None and seal_of(digest, key) != seal:
        return [Finding(str(head), "bears the seal of another key than this one")]
    if seq > len(entries):
        return [Finding(str(path), f"had {seq} entries and has {len(entries)}: its end was cut")]
    if digest != (entries[seq - 1].hash if seq else START):
        return [Finding(str(path), f"entry {seq} is not the one that was written")]
    return []


def head_of(path: Path) -> Path:
    """The file that says how far a journal goes."""
    return path.with_name(path.name + ".head")


def _locked(lock: Path, path: Path) -> int:
    file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise UserError(
            f"{path}: another process writes to this journal; end it, or send the request to it"
        ) from None
    return file


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """What SQLite complains about, as an error that names the journal."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise UserError(
            f"{path}: the journal cannot be used ({error}); nothing was acknowledged: check the "
            "disk and the rights"
        ) from None
    except sqlite3.Error as error:
        raise UserError(
            f"{path}: the journal is damaged ({error}); restore it from a backup, nothing is done "
            "on its word"
        ) from None
