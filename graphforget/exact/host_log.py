"""What one host was told, line by line, on the disk before the host acts on it.

Each line names the hash of the line before it. A line that a killed writer left half written was
never acknowledged and is passed over; one that was damaged later breaks the chain and is told.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from graphforget.exact.ledger import Fenced

START = "0" * 64


def chained(content: Any, previous: str) -> str:
    """One line that holds on to the line with the hash ``previous``.

    >>> chained({"adopt": 1}, START) == chained({"adopt": 1}, START)
    True
    """
    said = json.dumps([previous, content], separators=(",", ":"))
    digest = hashlib.sha256(said.encode()).hexdigest()
    return json.dumps([previous, content, digest], separators=(",", ":"))


def unchained(text: bytes, where: str) -> tuple[list[Any], str]:
    r"""The contents of the lines and the hash of the last one.

    Raises:
        UserError: naming the first line that does not hold on to the one before it.

    >>> first = chained("a", START)
    >>> unchained((first + "\n" + first[:20] + "\n").encode(), "host-0.log")[0]
    ['a']
    """
    contents: list[Any] = []
    last = START
    for number, line in enumerate(text.split(b"\n"), 1):
        try:
            previous, content, digest = json.loads(line)
        except (ValueError, TypeError):
            continue  # torn: the next whole line must follow on the last whole one
        if previous != last or json.loads(chained(content, last))[2] != digest:
            raise UserError(
                f"{where}, line {number}: was changed, or a line before it is gone; its shards are "
                "not served until graphforget s3t repair has trained them anew"
            )
        contents.append(content)
        last = digest
    return contents, last


class HostLog:
    """An append-only log with one writer: the host that opened it last.

    Args:
        path: of the log; a lock and a fencing token are kept beside it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._token = ""
        self._last = START
        self.lines = 0
        """How many there are; replay takes as long."""

    def take_over(self) -> list[Any]:
        """Become the only writer and read what the log says.

        Raises:
            UserError: if the log was damaged; the token is taken all the same.
        """
        with self._locked():
            self._token = uuid4().hex
            self.path.touch()
            write_atomically(self._token_path, self._token)  # forces the folder to the disk too
            contents, self._last = unchained(self.path.read_bytes(), str(self.path))
        self.lines = len(contents)
        return contents

    def check_mine(self) -> None:
        """Raise `Fenced` if another host has taken over."""
        if not self._token_path.exists() or self._token_path.read_text() != self._token:
            raise Fenced(f"{self.path}: another host has taken over; this one stops")

    def append(self, content: Any) -> None:
        """Add a line; it is on the disk when this returns.

        Raises:
            Fenced: if another host has taken over.
        """
        line = chained(content, self._last)
        with self._locked():
            self.check_mine()
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                size = os.fstat(file).st_size
                torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
                data = (b"\n" if torn else b"") + line.encode() + b"\n"
                if os.write(file, data) != len(data):
                    raise OSError(f"{self.path}: a line was written in part; is the disk full?")
                os.fsync(file)
            finally:
                os.close(file)
        self._last, self.lines = json.loads(line)[2], self.lines + 1

    def rewrite(self, contents: list[Any]) -> None:
        """Put a whole new log in the place of the old one, which was damaged or has grown long.

        Raises:
            Fenced: if another host has taken over.
        """
        last, lines = START, []
        for content in contents:
            lines.append(chained(content, last))
            last = json.loads(lines[-1])[2]
        with self._locked():
            self.check_mine()
            write_atomically(self.path, "".join(f"{line}\n" for line in lines))
        self._last, self.lines = last, len(contents)

    @property
    def _token_path(self) -> Path:
        return self.path.with_suffix(".token")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)
