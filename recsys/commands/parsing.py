"""Options by jsonargparse, as `graphforget.commands.parsing` takes them, for `recsys`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands import parsing
from graphforget.commands.parsing import class_named
from graphforget.core.errors import UserError
from graphforget.core.pool import LocalPool, Pool, RayPool
from recsys.commands.classes import allow_our_classes
from recsys.commands.selectors import spelled_out
from recsys.learn import ClickTraining


def new_parser(verb: str, description: str) -> ArgumentParser:
    """A parser with what every verb takes: ``--config``, ``--print_config`` and ``--json``."""
    allow_our_classes()
    parser = parsing.new_parser(verb, description)
    parser.prog = f"recsys {verb}"
    return parser


def add_table(options: ArgumentParser, required: bool = True) -> None:
    """Add the options that name a click table, ``--data`` and ``--root``."""
    options.add_argument(
        "--data", type=str, required=required,
        help="name of a click log, such as ml-100k or planted, or a CSV or parquet file",
    )
    options.add_argument(
        "--root", type=str, default=None,
        help="folder of the public click logs; by default that in GRAPHFORGET_DATA",
    )


def add_training(options: ArgumentParser) -> None:
    """Add ``--training``, whose fields are options."""
    options.add_argument(
        "--training", type=ClickTraining, default=class_named(ClickTraining.__name__),
        help="how networks are trained, here and in searches that train any; its fields are "
        "options, such as --training.epochs 5",
    )


def add_pool(options: ArgumentParser) -> None:
    """Add the options that say where trials run."""
    options.add_argument(
        "--pool", type=Literal["local", "ray"], default="local", help="where trials run"
    )
    options.add_argument(
        "--address", type=str, default=None,
        help="of a running Ray cluster; by default a local Ray is started",
    )


def pool_of(options: Namespace) -> Pool:
    """The pool that options name."""
    return LocalPool() if options.pool == "local" else RayPool(options.address)


def parse(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse and build: classes that options name come back as objects.

    Raises:
        UserError: with one plain line for whatever is wrong.
    """
    try:
        return parsing.parse(parser, spelled_out(words))
    except UserError as error:
        raise UserError(str(error).replace("graphforget methods and --help", "--help")) from error
