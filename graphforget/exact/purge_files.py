"""The files that go: those of a run folder, and processed copies of its graph in the cache."""

from __future__ import annotations

import os
from pathlib import Path

from graphforget.data.cache import cache_folder
from graphforget.exact.purge import MARK, Artefact, Left, Purge
from graphforget.lineage import MODEL, is_run

LAST = (MODEL, "config.json", "metrics.json", MARK)
"""Files by which a run is known, removed after the others, in this order."""


def files_of(run: Path, purge: Purge) -> list[Artefact]:
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


def cached(name: str) -> list[Artefact]:
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
