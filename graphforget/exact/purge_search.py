"""Everything that was made from what a run has forgotten since: found by lineage, and removed.

A run that forgot is clean; the runs it came from are not, nor is what else was made from those,
unless it forgot the same. Nothing is followed through links, and nothing is removed that is not
what the lineage says it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.exact.purge import MARK, Artefact, Left, Purge
from graphforget.exact.purge_files import cached, files_of
from graphforget.lineage import (
    derived_from,
    digest_of_file,
    digest_of_run,
    is_run,
    parent_digest,
    parent_of,
    register_of,
)
from graphforget.run_folder import read_json


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
        purge.others += cached(name)
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
    files += files_of(run, purge)
    if register_of(run).is_file():
        files.append(Artefact(register_of(run), f"list of what was made from {run.name}"))
    purge.runs[run], purge.digests[run] = files, digest


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
