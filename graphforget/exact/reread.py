"""What was read from files, kept until a file is another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Content = TypeVar("Content")

Stamp = tuple[int, int, int] | None
"""What is another after a file was replaced; None for a file that cannot be seen."""


class Reread(Generic[Content]):
    """Reads a file when it is first asked for, and again once it was replaced.

    Args:
        read: what is made of a file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "word"
    >>> asked, word = [], Reread(lambda path: asked.append(path) or path.read_text())
    >>> for said in ("first", "another"):
    ...     _ = path.write_text(said)
    ...     print(word(path), word(path), len(asked))
    first first 1
    another another 2
    """

    def __init__(self, read: Callable[[Path], Content]) -> None:
        self._read = read
        self._known: dict[Path, tuple[Stamp, Content]] = {}

    def __call__(self, path: Path) -> Content:
        stamp = stamp_of(path)
        if stamp is None or path not in self._known or self._known[path][0] != stamp:
            self._known[path] = stamp, self._read(path)
        return self._known[path][1]


def stamp_of(path: Path) -> Stamp:
    """Of a file as it is now."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size
