"""``graphforget s3t forget``: give requests to a service, and print its receipts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import Seed, new_parser
from graphforget.commands.screen import columns, note, show
from graphforget.commands.services import add_service, router_of
from graphforget.core.errors import UserError
from graphforget.data.sample_text import GRAMMAR, parse_sample
from graphforget.exact.graph_recipe import GraphRecipe
from graphforget.exact.layout import open_system
from graphforget.exact.receipt import Receipt
from graphforget.request import ForgetRequest
from graphforget.request_file import read_requests

NOT_YET = 3
"""Exit code where a request is written down and not acknowledged."""


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t forget",
        "Switch off, at once, every stage that has seen what requests name. With the receipt no "
        "answer rests on it any more; s3t repair trains anew what was switched off and takes the "
        f"data off the disk. The exit code is {NOT_YET} if a host could not be reached: the "
        "request is written down then, and will be carried out.",
    )
    add_service(options)
    options.add_argument(
        "--request", type=Path, default=None, help="JSON file: one request, or one a line"
    )
    options.add_argument(
        "--sample", type=str, default=None,
        help=f"draw a request instead: {GRAMMAR.replace('%', '%%')}",
    )
    options.add_argument("--seed", type=Seed, default=0, help="of the sample")
    options.add_argument(
        "--missing", type=Literal["error", "ignore"], default="error",
        help="what to do about edges named that never were in the graph",
    )
    return options


def run(options: Namespace) -> int:
    """Send the requests one after the other."""
    requests = asked_for(options)
    receipts: list[Receipt] = []
    try:
        with router_of(options) as router:
            for request in requests:
                receipts.append(router.forget(request, options.missing == "ignore"))
    except UserError as error:
        if len(requests) == 1:
            raise
        done = f"request {len(receipts) + 1} of {len(requests)}: {error}"
        raise UserError(f"{done}; the {len(receipts)} before it are carried out") from None
    show({"receipts": [one.to_json() for one in receipts]}, text(receipts), options.json)
    if any(one.known for one in receipts):
        note("marked 'before': all that it names was asked for before; its state is the least")
    if any(one.absent for one in receipts):
        note("marked 'absent': nothing that it names was ever there, so there was nothing to do")
    return 0 if all(one.acknowledged for one in receipts) else NOT_YET


def asked_for(options: Namespace) -> list[ForgetRequest]:
    """The requests of a file, or one drawn from the rows of the service."""
    if (options.request is None) == (options.sample is None):
        raise UserError("wanted either --request FILE or --sample TEXT, such as nodes:5")
    if options.request is not None:
        return read_requests(options.request)
    system = open_system(options.folder)
    if not isinstance(system.recipe, GraphRecipe):
        raise UserError("--sample: is for services of graphs; write a request file")
    rows: Any = system.source.whole()
    return [parse_sample(options.sample, rows, system.recipe.task, options.seed)]


def text(receipts: list[Receipt]) -> str:
    """Receipts as a table for people."""
    rows = [["request", "state", "stages off", "ms", ""]]
    for one in receipts:
        rows.append([
            one.request_id, str(one.state), str(len(one.died)), f"{1000 * one.seconds:.1f}",
            "before" if one.known else "absent" if one.absent else "",
        ])
    return columns(rows)
