"""Files that go for good, as far as a program can see to it."""

from __future__ import annotations

import os
from pathlib import Path

from graphforget.core.errors import UserError

BLOCK = 2**20


def destroy_file(path: str | Path) -> bool:
    """Overwrite a file with zeros, force that to the disk, and remove it; say whether it was there.

    A disk that writes elsewhere than it reads (a flash disk, a snapshot, a backup) may keep the
    old content: whoever has to exclude that encrypts the disk. A link is removed, and what it
    points at is left alone.

    Raises:
        UserError: if it is neither a file nor a link.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "stage.safetensors"
    >>> _ = path.write_bytes(b"weights")
    >>> destroy_file(path), destroy_file(path), path.exists()
    (True, False, False)
    """
    path = Path(path)
    if not os.path.lexists(path):
        return False
    if not path.is_symlink():
        if not path.is_file():
            raise UserError(f"{path}: wanted a file to destroy, this is none; remove it by hand")
        if path.stat().st_nlink == 1:  # else another name would lose its content too
            _overwrite(path)
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk: what was made or removed there stays so."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _overwrite(path: Path) -> None:
    with open(path, "r+b", buffering=0) as file:
        left = path.stat().st_size
        while left > 0:
            left -= file.write(bytes(min(left, BLOCK)))
        os.fsync(file.fileno())
