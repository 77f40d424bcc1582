"""Memory and start-up of one host process, by its number of shards; see `exact_host`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from benchmarks.exact_problem import problem, service_folder
from benchmarks.rows import Row
from graphforget.exact.plan import Plan


def growth(options: argparse.Namespace, shards: int) -> Row:
    """Memory and start-up of one host process with so many shards, and of its first answer."""
    data, recipe = problem(options)
    with service_folder(data, Plan.chains(shards, 2, 2), recipe) as folder:
        said = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.exact_host", str(folder)],
            check=True, capture_output=True, text=True,
        )
    return {"part": "growth", "dataset": options.dataset, "shards": shards} | json.loads(
        said.stdout.splitlines()[-1]
    )


def table(rows: list[Row]) -> list[str]:
    """The rows in lines of markdown."""
    return [
        "One host process by its number of shards; MB resident (not shared with others).", "",
        "| shards | libraries | with the shards | peak | import s | start s | first answer s "
        "| next answer s |", "|" + "---|" * 8,
        *(f"| {row['shards']} | {_resident(row['libraries'])} | {_resident(row['host'])} | "
          f"{row['host']['peak']:.0f} | {row['import_seconds']:.1f} | "
          f"{row['open_seconds']:.2f} | {row['first_answer_seconds']:.2f} | "
          f"{row['next_answer_seconds']:.4f} |" for row in rows), "",
    ]


def _resident(memory: Row) -> str:
    return f"{memory['rss']:.0f} ({memory['uss']:.0f})"
