"""Files that are whole or not there.

A writer that is killed leaves the old content or the whole new one. Everything is written beside
its target under a hidden name, forced to the disk, and renamed.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import torch
from torch import Tensor

from graphforget.core.errors import UserError


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Replace the content of a file in one step; text is written as UTF-8.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "metrics.json"
    >>> write_atomically(path, "{}")
    >>> path.read_text(), [file.name for file in path.parent.iterdir()]
    ('{}', ['metrics.json'])
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        with open(partial, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync(path.parent)


@contextmanager
def folder_atomically(path: str | Path, replace: bool = False) -> Iterator[Path]:
    """Fill a folder under a hidden name; it takes its own name when the block ends well.

    If the block raises, nothing stays behind.

    Args:
        path: where the folder shall be.
        replace: swap an existing folder for the new one, instead of refusing it.

    Yields:
        The hidden folder, to be filled.

    Raises:
        UserError: if something is at `path` already and `replace` is not given.

    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp()) / "run"
    >>> with folder_atomically(run) as folder:
    ...     _ = (folder / "config.json").write_text("{}")
    ...     run.exists()
    False
    >>> [file.name for file in run.iterdir()]
    ['config.json']
    """
    path = Path(path)
    _refuse_existing(path, replace)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    partial.mkdir()
    try:
        yield partial
        for inner in partial.rglob("*"):
            _sync(inner)
        _sync(partial)
        _refuse_existing(path, replace)  # someone may have been faster
        if path.exists():
            _swap(partial, path)
        else:
            os.rename(partial, path)
        _sync(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # after a swap this is the old folder


def append_line(path: str | Path, text: str) -> None:
    """Add one line to a file by a single write, so that writers at the same time do not mix.

    If the last writer was killed within its line, the new line starts on its own.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "records.jsonl"
    >>> append_line(path, '{"seed": 0}')
    >>> append_line(path, '{"seed": 1}')
    >>> path.read_text().splitlines()
    ['{"seed": 0}', '{"seed": 1}']
    """
    if "\n" in text or "\r" in text:
        raise UserError(f"{path}: one line is appended at a time, got text with a line break")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)  # the last byte of a line being written looks torn
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        line = (b"\n" if torn else b"") + text.encode() + b"\n"
        if os.write(file, line) != len(line):
            raise OSError(f"{path}: the line was written in part only; is the disk full?")
        os.fsync(file)
    finally:
        os.close(file)


def sha256_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Digest of names, types, shapes and values; order and device do not matter.

    >>> a, b = torch.zeros(2), torch.ones(3)
    >>> sha256_of_tensors({"a": a, "b": b}) == sha256_of_tensors({"b": b, "a": a})
    True
    >>> sha256_of_tensors({"a": a}) == sha256_of_tensors({"a": a.reshape(2, 1)})
    False
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _beside(path: Path) -> Path:
    return path.parent / f".{path.name}.{uuid4().hex}.partial"


def _refuse_existing(path: Path, replace: bool) -> None:
    if replace and path.exists() and not path.is_dir():
        raise UserError(f"{path}: a folder is to be replaced, but this is a file; move it away")
    if not replace and (path.exists() or path.is_symlink()):
        raise UserError(f"{path}: a new folder was wanted, but this exists; choose another name")


def _sync(path: Path) -> None:
    """Force a file or the entries of a folder to the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _swap(new: Path, old: Path) -> None:
    """Exchange two folders: in one step where the system can, else by two renames."""
    if sys.platform == "linux":
        here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)
        renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
        names = os.fsencode(new), os.fsencode(old)
        if renameat2 and renameat2(here, names[0], here, names[1], exchange) == 0:
            return
    aside = _beside(old)
    os.rename(old, aside)
    try:
        os.rename(new, old)
    except OSError:
        os.rename(aside, old)
        raise
    os.rename(aside, new)
