"""Which run came from which, and what else was made from each.

A run names the run it was made from in its own folder. What is made from a run later (a run that
forgot, predictions, a report) is noted beside it, in ``<run>.derived.jsonl``, since a run folder is
written once. `graphforget purge` follows both.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.core.files import append_line, sha256_of_tensors
from graphforget.run_folder import read_json, read_tensors

MODEL = "model.safetensors"


@dataclass(frozen=True)
class Derived:
    """Something that was made from a run.

    Args:
        path: where it was written.
        what: a run, or what sort of file.
        sha256: of a file's content, or of a run's weights.
    """

    path: Path
    what: str
    sha256: str

    @property
    def is_run(self) -> bool:
        """Whether it is a run folder."""
        return self.what == "run"


def parent_of(run: Path) -> Path | None:
    """The run that ``run`` was made from by forgetting, if it names one."""
    named = _named_parent(run)
    return None if named is None else Path(os.path.normpath(run.resolve() / named["run"]))


def parent_digest(run: Path) -> str | None:
    """Sha256 of the weights of the run that ``run`` was made from, if it names one."""
    named = _named_parent(run)
    return None if named is None else named.get("model_sha256")


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run folder."""
    return (folder / "config.json").is_file() and (folder / MODEL).is_file()


def digest_of_run(run: Path) -> str:
    """Sha256 of a run's weights, without building its model."""
    return sha256_of_tensors(read_tensors(run / MODEL))


def note_derived(run: str | Path, made: str | Path, what: str) -> bool:
    """Note that something was made from a run, so that `graphforget purge` finds it.

    Call it for embeddings, exports and the like that you make from a run yourself.

    Args:
        run: the run folder.
        made: a file, or the folder of a run.
        what: such as ``embeddings``; ``run`` for a run folder.

    Returns:
        Whether it could be noted; not where the run's surroundings are read-only.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "embeddings.npy").write_bytes(b"numbers")
    >>> note_derived(folder / "run", folder / "embeddings.npy", "embeddings")
    True
    >>> [(made.path.name, made.what) for made in derived_from(folder / "run")]
    [('embeddings.npy', 'embeddings')]
    """
    made = Path(made)
    sha256 = digest_of_run(made) if what == "run" else digest_of_file(made)
    file = register_of(Path(run))
    way = Path(os.path.relpath(made.resolve(), file.resolve().parent)).as_posix()
    try:
        append_line(file, json.dumps({"path": way, "what": what, "sha256": sha256}))
    except OSError:
        return False
    return True


def derived_from(run: Path) -> list[Derived]:
    """What was noted as made from a run, oldest first, each once.

    Raises:
        UserError: naming file and line, if a whole line says something else.
    """
    file = register_of(run)
    if not file.is_file():
        return []
    found: dict[tuple[Path, str], Derived] = {}
    for number, line in enumerate(_whole_lines(file), 1):
        try:
            said: Any = json.loads(line)
            way, what, sha256 = (str(said[key]) for key in ("path", "what", "sha256"))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UserError(
                f"{file} line {number}: wanted path, what and sha256 of something made from the "
                "run; mend the line or remove it"
            ) from None
        path = Path(os.path.normpath(file.resolve().parent / way))
        found[path, sha256] = Derived(path, what, sha256)
    return list(found.values())


def register_of(run: Path) -> Path:
    """The file beside a run in which what was made from it is noted."""
    place = run.resolve()
    return place.with_name(f"{place.name}.derived.jsonl")


def digest_of_file(path: Path) -> str:
    """Sha256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole_lines(file: Path) -> Iterable[bytes]:
    """Lines that were written to their end; one that a kill cut short never was promised."""
    content = file.read_bytes()
    lines = content.split(b"\n")[:-1]
    return [line for line in lines if line.strip() and line.endswith(b"}")]


def _named_parent(run: Path) -> dict[str, Any] | None:
    named = read_json(run / "metrics.json").get("parent")
    if named is None:
        return None
    if not isinstance(named, dict) or not isinstance(named.get("run"), str):
        raise UserError(f"{run / 'metrics.json'}: wanted parent with a run, got {named!r:.60}")
    return named
