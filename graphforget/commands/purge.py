"""``graphforget purge``: remove what was made from the data that a run has forgotten."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.screen import show
from graphforget.exact.purge import Purge
from graphforget.exact.purge_search import purge_of

REMARK = (
    "Not in the lineage: the data set itself, backups, and whatever was copied elsewhere. See to "
    "those yourself."
)


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "purge",
        "Remove what still holds what a run has forgotten: the runs it came from with their "
        "graphs, snapshots and optimiser states, other runs, predictions and reports made from "
        "those, processed copies in the cache, and the run's own list of forgotten ids. The run "
        "itself stays; it can be used as before, but not audited any more. Links are not followed.",
    )
    options.add_argument("run", type=Path, help="run folder of forget; it stays")
    options.add_argument(
        "--dry-run", action="store_true", help="print what would go, and touch nothing"
    )
    return options


def run(options: Namespace) -> int:
    """List, and remove unless it is a dry run."""
    purge = purge_of(options.run)
    if not options.dry_run:
        purge.carry_out()
    result = {
        "run": str(options.run),
        "dry_run": options.dry_run,
        "removed": [{"path": str(one.path), "what": one.what} for one in purge.files],
        "runs": [str(folder) for folder in purge.runs],
        "left": [{"path": str(one.path), "why": one.why} for one in purge.left],
    }
    show(result, text(purge, options.dry_run), options.json)
    return 0


def text(purge: Purge, dry: bool) -> str:
    """What goes, what stays and why, one line each."""
    verb = "would go" if dry else "gone"
    lines = [f"{verb}: {one.path} ({one.what})" for one in purge.files]
    lines += [f"stays: {one.path} ({one.why})" for one in purge.left]
    counts = Counter(one.what.partition(" of ")[0] for one in purge.files)
    total = ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "nothing"
    return "\n".join([*lines, f"{verb}: {total}", REMARK])
