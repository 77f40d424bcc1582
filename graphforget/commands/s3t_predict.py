"""``graphforget s3t predict``: what a service answers, to a file or to the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.predict import (
    ROWS_SHOWN,
    WRITERS,
    as_table,
    checked_out,
    write_answers,
)
from graphforget.commands.screen import note, show
from graphforget.commands.services import add_service, router_of


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t predict",
        "Write the probabilities (N, C) of all nodes: the mean over all shards that have a live "
        "stage, or the declared constant where none has.",
    )
    add_service(options)
    options.add_argument(
        "--out", type=Path, default=None, help=f"file to write: {', '.join(WRITERS)}"
    )
    return options


def run(options: Namespace) -> int:
    """Answer, then write or print."""
    out = checked_out(options.out)
    with router_of(options) as router:
        answers = torch.tensor(router.predict())
        quiet = list(silent(router.status()))
    rows = as_table(torch.arange(len(answers)), answers)
    if out is not None:
        write_answers(out, answers, rows)
    result: dict[str, Any] = {
        "shape": list(answers.shape), "out": None if out is None else str(out), "silent": quiet,
    }
    if out is None:
        result["responses"] = answers.tolist()
    shown = rows.to_string(max_rows=ROWS_SHOWN, index=False, float_format="%.4f")
    show(result, f"wrote {out}, shape {tuple(answers.shape)}" if out else shown, options.json)
    if out is None and len(rows) > ROWS_SHOWN and not options.json:
        note(f"{len(rows)} rows; --out FILE writes them all")
    for line in quiet:
        note(line)
    return 0


def silent(status: dict[str, Any]) -> Iterator[str]:
    """Which shards had no part in an answer, and why, one line each.

    >>> shards = {0: {"broken": None, "depth": 2}, 1: {"broken": None, "depth": 0}}
    >>> list(silent({"hosts": [{"shards": shards}, {"lost": "host 1: is being started again"}]}))
    ['shard 1 does not answer: it is dark until the next repair', 'host 1: is being started again']
    """
    for host in status["hosts"]:
        if "lost" in host:
            yield host["lost"]
            continue
        for shard, one in sorted(host["shards"].items()):
            if one["broken"] or not one["depth"]:
                why = one["broken"] or "it is dark until the next repair"
                yield f"shard {shard} does not answer: {why}"
