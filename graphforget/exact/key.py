"""The key that stands between the journal and the people it is about.

It is kept outside the folder that it protects. Without it nobody can tell whose ids are behind the
journal's entries, so destroying it erases them.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.exact.destroy import destroy_file

SIZE = 32


def key_at(path: str | Path, create: bool = False) -> bytes:
    """Read a key from a file of 64 hexadecimal digits.

    Args:
        path: the file.
        create: draw a key and write it, readable by its owner alone, if there is no file.

    Raises:
        UserError: if there is none, or the file holds something else.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "journal.key"
    >>> key_at(path, create=True) == key_at(path)
    True
    """
    path = Path(path)
    if create and not os.path.lexists(path):
        _write_new(path)
    try:
        text = path.read_bytes().strip().decode("ascii")
        key = bytes.fromhex(text)
    except OSError as error:
        raise UserError(
            f"{path}: the journal's key cannot be read ({error.strerror}); without it requests "
            "can neither be taken nor checked"
        ) from None
    except ValueError:
        raise UserError(f"{path}: wanted a key of {2 * SIZE} hexadecimal digits") from None
    if len(key) != SIZE:
        raise UserError(
            f"{path}: wanted a key of {2 * SIZE} hexadecimal digits, got {2 * len(key)}"
        )
    return key


def destroy_key(path: str | Path) -> bool:
    """Destroy a key: the ids behind every entry made with it can no longer be found out.

    Seals made with it can no longer be checked; the chain of hashes still can.
    """
    return destroy_file(path)


def _write_new(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.parent / f".{path.name}.{secrets.token_hex(8)}.partial"
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, secrets.token_bytes(SIZE).hex().encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(partial, path)  # fails where another process was faster, and its key is kept
    except FileExistsError:
        pass
    finally:
        partial.unlink()
