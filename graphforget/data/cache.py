"""Where PyG may write: raw files are linked into a cache, so that data folders stay as they are."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """Return ``$GRAPHFORGET_CACHE``, else ``graphforget`` in the user's cache folder."""
    named = os.environ.get("GRAPHFORGET_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graphforget"


def build_in_cache(name: str, raw: Path | None, inside: str, build: Callable[[str], Any]) -> Any:
    """Run a PyG data set's constructor in a cache entry that links the raw files.

    PyG writes ``processed/`` beside ``raw/``, and a data folder may be read-only or shared. An
    entry is made in a temporary folder and renamed when whole, so a killed or parallel run never
    leaves half a file; it is named after the raw files' place, sizes and times, so changed files
    get a new entry.

    Args:
        name: of the data set, the start of the entry's name.
        raw: folder of the raw files; ``None`` lets the constructor download them into the entry.
        inside: where the raw files belong, relative to the entry.
        build: takes the entry's path and returns the data set.
    """
    entry = cache_folder() / f"{name}-{_fingerprint(raw)}"
    if entry.is_dir():
        return build(str(entry))
    entry.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=entry.parent))
    try:
        if raw is not None:
            _link_files(raw, work / inside)
        built = build(str(work))
        try:
            work.rename(entry)
        except OSError:
            if not entry.is_dir():  # otherwise another process was first, with the same content
                raise
        return built
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fingerprint(raw: Path | None) -> str:
    if raw is None:
        return "download"
    seen = [str(raw.resolve())]
    for file in sorted(raw.iterdir()):
        about = file.stat()
        seen.append(f"{file.name} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()[:16]


def _link_files(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for file in sorted(source.iterdir()):
        if file.is_file():
            try:
                (target / file.name).symlink_to(file.resolve())
            except OSError:  # file systems without links
                shutil.copyfile(file, target / file.name)
