"""Run folders as verbs see them: files beside the model, and the run a run was made from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch_geometric.data import Data

from graphforget.commands.screen import note
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically, sha256_of_tensors
from graphforget.lineage import note_derived, parent_digest, parent_of
from graphforget.request_file import read_requests
from graphforget.trained import Trained


def refuse_taken(out: Path, replace: bool) -> None:
    """Raise a `UserError` before any work if a run cannot be written to ``out``."""
    if not os.path.lexists(out):
        above = next(place for place in out.absolute().parents if place.exists())
        if not above.is_dir():
            raise UserError(f"{out}: {above} is a file, not a folder; choose another --out")
        return
    if not replace:
        raise UserError(f"{out}: exists; choose another --out, or pass --replace for a run folder")
    if not (out / "config.json").is_file() or not (out / "model.safetensors").is_file():
        raise UserError(f"{out}: --replace takes the place of run folders only, and this is none")


def write_run(
    trained: Trained,
    out: Path,
    metrics: Mapping[str, Any],
    files: Mapping[str, str | bytes] | None = None,
    with_data: bool = True,
    replace: bool = False,
) -> None:
    """Write a run folder with further files in it, whole or not at all.

    Args:
        trained: the model and all that belongs to it.
        out: the folder.
        metrics: content of ``metrics.json``.
        files: name -> content of the further files; text is written as UTF-8.
        with_data: write the graph too.
        replace: take the place of a run that is there.
    """
    refuse_taken(out, replace)
    with folder_atomically(out, replace=replace) as new:
        trained.save(new / "run", metrics=metrics, with_data=with_data)
        for entry in sorted((new / "run").iterdir()):
            entry.rename(new / entry.name)
        (new / "run").rmdir()
        for name, content in (files or {}).items():
            (new / name).write_bytes(content.encode() if isinstance(content, str) else content)


def remember(run: Path, made: Path, what: str) -> None:
    """Note what was made from a run, for purge; say so where that is not possible."""
    if not note_derived(run, made, what):
        note(f"{run}: beside it nothing can be written, so purge will not know of {made}")


def load_run(run: Path) -> Trained:
    """Read a run folder; one saved with ``--no-data`` gets its graph from the run it came from.

    Raises:
        UserError: naming the file that is missing, damaged or not what it was.
    """
    if not run.is_dir():
        raise UserError(f"{run}: wanted a run folder written by graphforget train or forget")
    if (run / "data.safetensors").exists() or parent_of(run) is None:
        return Trained.load(run)
    return Trained.load(run, data=_data_by_requests(run))


def reference_to(parent: Path, trained: Trained, run: Path) -> dict[str, str]:
    """How ``run`` names the run it was made from: the way to it and a digest of its weights."""
    way = os.path.relpath(parent.resolve(), run.resolve())
    return {"run": Path(way).as_posix(), "model_sha256": model_digest(trained)}


def load_parent(run: Path, parent: Path | None = None) -> Trained:
    """Read the run that ``run`` was made from.

    Args:
        run: a run that forgot.
        parent: where its parent is now, if not where it was.

    Raises:
        UserError: if it is not there, or its weights are others than those that were used.
    """
    place = parent or parent_of(run)
    if place is None:
        raise UserError(f"{run}: names no run it was made from; pass it with --before")
    if not place.is_dir():
        raise UserError(f"{run}: its original {place} is not there; pass its place with --before")
    trained = load_run(place)
    wanted = parent_digest(run)
    if wanted is not None and model_digest(trained) != wanted:
        raise UserError(f"{place}: is not the model that {run} was made from; its weights differ")
    return trained


def model_digest(trained: Trained) -> str:
    """Sha256 of a model's weights, wherever they are stored."""
    return sha256_of_tensors(trained.model.state_dict())


def as_text(metrics: Mapping[str, Any]) -> str:
    """Metrics as the text of a JSON file."""
    return json.dumps(metrics, indent=2) + "\n"


def _data_by_requests(run: Path) -> Data:
    """The parent's graph without what the run's requests name."""
    data = load_parent(run).data
    for request in read_requests(run / "request.json"):
        data = request.retained(data)
    return data
