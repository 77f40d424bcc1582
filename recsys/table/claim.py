"""Half-built folders are known by a lock, which their builder holds until it is done or dead."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path


@contextmanager
def claimed(partial: Path) -> Iterator[None]:
    """Hold a lock in a folder while it is filled; it is released when its holder dies."""
    path = partial / "lock"
    with open(path, "xb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        path.unlink()


def remove_abandoned(folder: Path) -> None:
    """Remove what killed builds of this folder left behind."""
    for path in folder.parent.glob(f".{escape(folder.name)}.*.partial/lock"):
        try:
            with open(path, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent)
        except OSError:
            continue  # someone fills it, or removes it just now
