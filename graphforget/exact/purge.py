"""Everything that was made from what a run has forgotten since: found by lineage, and removed.

A run that forgot is clean; the runs it came from are not, nor is what else was made from those,
unless it forgot the same. Nothing is followed through links, and nothing is removed that is not
what the lineage says it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from graphforget.data.cache import cache_folder
from graphforget.exact.destroy import destroy_file, sync_folder
from graphforget.lineage import (
    MODEL,
    derived_from,
    digest_of_file,
    digest_of_run,
    is_run,
    parent_digest,
    parent_of,
    register_of,
)
from graphforget.run_folder import read_json

MARK = ".purging"
"""In a run folder that is being removed: a purge that was killed is finished by the next one."""

LAST = (MODEL, "config.json", "metrics.json", MARK)
"""Files by which a run is known, removed after the others, in this order."""


@dataclass(frozen=True)
class Artefact:
    """A file that goes.

    Args:
        path: the file.
        what: what it is, for people.
    """

    path: Path
    what: str


@dataclass(frozen=True)
class Left:
    """Something that stays, and why.

    Args:
        path: the file or folder.
        why: in words.
    """

    path: Path
    why: str


@dataclass
class Purge:
    """What a purge would remove, in order, and what it would leave.

    Args:
        run: the run that stays.
        runs: folders of runs that go, each after those made from it, with what goes along.
        digests: of the weights of those runs.
        others: what else goes.
        left: what lies in the lineage and stays.
    """

    run: Path
    runs: dict[Path, list[Artefact]] = field(default_factory=dict)
    digests: dict[Path, str] = field(default_factory=dict)
    others: list[Artefact] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def files(self) -> list[Artefact]:
        """All that goes, in order."""
        return [*chain.from_iterable(self.runs.values()), *self.others]

    def carry_out(self) -> None:
        """Remove the files and the folders that are empty then.

        Killed in between, it is finished by the purge that is found next: until a run is gone
        its mark stays, and so does the run or the list by which it is found.
        """
        for folder in self.runs:
            write_atomically(folder / MARK, self.digests[folder])
        for folder, files in self.runs.items():
            for artefact in files:
                destroy_file(artefact.path)
            destroy_file(folder / MARK)
            _remove_empty(folder)
        for artefact in self.others:
            destroy_file(artefact.path)


def purge_of(run: str | Path) -> Purge:
    """Find out what has to go now that a run has forgotten; nothing is touched.

    Args:
        run: a run folder that `graphforget forget` wrote; it stays.

    Raises:
        UserError: if it is no such run, or a run that stays could not be read any more.
    """
    run = Path(run)
    if not is_run(run):
        raise UserError(f"{run}: wanted a run folder written by graphforget forget")
    run = run.resolve()
    wanted = _history(run)
    if not wanted:
        raise UserError(f"{run}: forgot nothing; purge takes the run that stays, which forgot")
    purge = Purge(run)
    line = dict(_ancestors(run, purge))
    seen = {run, *line}
    for ancestor, digest in reversed(line.items()):  # while a run is there it names those before it
        _add_run(purge, ancestor, digest, wanted, seen)
    _refuse_orphans(purge, seen)
    if (run / "request.json").exists():
        purge.others.append(Artefact(run / "request.json", "list of the ids that were forgotten"))
    for name in sorted(_data_names([run, *seen])):
        purge.others += _cached(name)
    return purge


def _ancestors(run: Path, purge: Purge) -> Iterator[tuple[Path, str]]:
    """The runs that a run was made from, the nearest first, with the digests they must have."""
    visited = {run}
    while (parent := parent_of(run)) is not None and parent not in visited:
        digest = parent_digest(run) or ""
        why = _why_not(parent, digest)
        if why is not None:
            purge.left.append(Left(parent, why))
            return
        yield parent, digest
        visited.add(parent)
        if not (parent / "metrics.json").exists():
            return  # being purged, and all before it is gone
        run = parent


def _why_not(run: Path, digest: str) -> str | None:
    """Why a folder is not the run that the lineage names, or None."""
    if not os.path.lexists(run):
        return "is not there: removed already, or moved; what was moved has to be removed by hand"
    if run.resolve() != run:
        return "lies behind a link, which is not followed"
    if run.is_dir() and (run / MARK).is_file():
        if (run / MARK).read_text(errors="replace") == digest:
            return None
        return "is being purged as another run than the lineage names"
    if not is_run(run):
        return "is not a run folder"
    try:
        same = digest_of_run(run) == digest
    except UserError:
        return "holds weights that cannot be read; it was changed"
    return None if same else "holds other weights than the lineage names; another run is there now"


def _add_run(purge: Purge, run: Path, digest: str, wanted: set[str], seen: set[Path]) -> None:
    """Add a run of the lineage with all that was made from it, unless it forgot the same."""
    seen.add(run)
    if not (run / MARK).exists() and wanted <= _history(run):
        purge.left.append(Left(run, "forgot the same"))
        return
    files: list[Artefact] = []
    for made in derived_from(run):
        if made.is_run:
            if made.path in seen:
                continue
            why = _why_not(made.path, made.sha256)
            if why is None:
                _add_run(purge, made.path, made.sha256, wanted, seen)
            elif os.path.lexists(made.path):
                purge.left.append(Left(made.path, why))
        elif os.path.lexists(made.path):
            if made.path.resolve() != made.path or not made.path.is_file():
                purge.left.append(Left(made.path, "lies behind a link, which is not followed"))
            elif digest_of_file(made.path) != made.sha256:
                purge.left.append(Left(made.path, "was changed since it was made from the run"))
            else:
                files.append(Artefact(made.path, f"{made.what} of {run.name}"))
    files += _files_of(run, purge)
    if register_of(run).is_file():
        files.append(Artefact(register_of(run), f"list of what was made from {run.name}"))
    purge.runs[run], purge.digests[run] = files, digest


def _files_of(run: Path, purge: Purge) -> list[Artefact]:
    """The files of a run folder; runs within it and the run that stays are not part of it."""
    found: list[Path] = []
    for place, folders, files in os.walk(run):
        inner = [Path(place) / name for name in folders]
        for folder in inner:
            if is_run(folder) and not folder.is_symlink():
                folders.remove(folder.name)
                if folder != purge.run and folder not in purge.runs:
                    purge.left.append(Left(folder, f"is a run of its own inside {run.name}"))
        found += [Path(place) / name for name in files]
        found += [folder for folder in inner if folder.is_symlink()]
    last = [run / name for name in LAST]
    ordered = [path for path in sorted(found) if path not in last]
    ordered += [path for path in last[:-1] if path in found]
    return [Artefact(path, f"{_what(path.relative_to(run))} of {run.name}") for path in ordered]


def _what(inside: Path) -> str:
    kinds = {
        MODEL: "weights", "optimizer.safetensors": "state of the optimiser",
        "data.safetensors": "graph", "request.json": "list of forgotten ids",
    }
    if inside.parts[0] == "snapshots":
        return "snapshot"
    return kinds.get(inside.as_posix(), "file")


def _refuse_orphans(purge: Purge, seen: set[Path]) -> None:
    for kept in sorted(seen - set(purge.runs)):
        needed = None if (kept / "data.safetensors").exists() else parent_of(kept)
        if needed in purge.runs:
            raise UserError(
                f"{kept}: was saved without its data and takes them from {needed}, which would go; "
                "forget again without --no-data, and purge from that run"
            )


def _history(run: Path) -> set[str]:
    """Digests of the requests that a run has forgotten."""
    try:
        return {str(step["digest"]) for step in read_json(run / "config.json")["history"]}
    except (KeyError, TypeError):
        raise UserError(f"{run / 'config.json'}: not a run's configuration") from None


def _data_names(runs: list[Path]) -> set[str]:
    """Names of the graphs that runs were made from."""
    names = set()
    for run in runs:
        if (run / "data.json").is_file():
            name = json.loads((run / "data.json").read_text(encoding="utf-8")).get("name")
            if isinstance(name, str) and name and "/" not in name:
                names.add(name)
    return names


def _cached(name: str) -> list[Artefact]:
    """Processed copies of a named graph; what was downloaded is a source and stays."""
    root = cache_folder()
    if not root.is_dir():
        return []
    found = []
    for entry in sorted(root.iterdir()):
        if entry.name.rpartition("-")[0] == name and entry.is_dir() and not entry.is_symlink():
            for place, _, files in os.walk(entry):
                if "processed" in Path(place).relative_to(entry).parts:
                    found += [Artefact(Path(place) / file, "processed copy") for file in files]
    return sorted(found, key=lambda artefact: artefact.path)


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those in it, as far as they are empty."""
    for place, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(place)
        except OSError:
            continue  # something that stays is in it
    sync_folder(folder.parent)
