"""``graphforget s3t predict``: what a service answers, to a file or to the screen."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.predict import ROWS_SHOWN, WRITERS, as_table, write_answers
from graphforget.commands.screen import note, show
from graphforget.commands.services import add_service, router_of
from graphforget.core.errors import UserError


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
    out = options.out
    if out is not None and (out.suffix not in WRITERS or os.path.isdir(out)):
        raise UserError(f"{out}: wanted a file ending in {', '.join(WRITERS)}")
    with router_of(options) as router:
        answers = torch.tensor(router.predict())
    rows = as_table(torch.arange(len(answers)), answers)
    if out is not None:
        write_answers(out, answers, rows)
    result = {"shape": list(answers.shape), "out": None if out is None else str(out)}
    if out is None:
        result["responses"] = answers.tolist()
    shown = rows.to_string(max_rows=ROWS_SHOWN, index=False, float_format="%.4f")
    show(result, f"wrote {out}, shape {tuple(answers.shape)}" if out else shown, options.json)
    if out is None and len(rows) > ROWS_SHOWN and not options.json:
        note(f"{len(rows)} rows; --out FILE writes them all")
    return 0
