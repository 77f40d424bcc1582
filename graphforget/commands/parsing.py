"""Options by jsonargparse, with every mistake told in one line.

Learners and unlearners are named by class and their fields are options, on the command line and
in YAML alike.
"""

from __future__ import annotations

import re
from argparse import ArgumentError
from collections.abc import Sequence
from typing import Any

from jsonargparse import ArgumentParser, Namespace
from jsonargparse.typing import restricted_number_type

from graphforget.commands.classes import allow_our_classes
from graphforget.commands.defaults import named_classes_as_defaults
from graphforget.commands.presets import spelled_out
from graphforget.core.errors import UserError

Seed = restricted_number_type("Seed", int, [(">=", 0), ("<", 2**32)])
"""A whole number that every generator takes as a seed."""


def new_parser(verb: str, description: str) -> ArgumentParser:
    """A parser with what every verb takes: ``--config``, ``--print_config`` and ``--json``."""
    allow_our_classes()
    parser = ArgumentParser(
        prog=f"graphforget {verb}",
        description=description,
        exit_on_error=False,
        print_config="--print_config",
    )
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.add_argument(
        "--json", action="store_true",
        help="print one JSON object for machines instead of text",
    )
    return parser


def add_graph(options: ArgumentParser) -> None:
    """Add the options that name a graph, ``--data`` and ``--root``."""
    options.add_argument(
        "--data", type=str, required=True,
        help="name of a public graph, digits (nothing to download), an .npz file or a folder of "
        "tables",
    )
    options.add_argument(
        "--root", type=str, default=None,
        help="folder of the public graphs; by default that in GRAPHFORGET_DATA",
    )


def parse(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse and build: classes that options name come back as objects.

    Raises:
        UserError: with one plain line for whatever is wrong.
    """
    words = spelled_out(words)
    try:
        named_classes_as_defaults(parser, words)
        return parser.instantiate(parser.parse_args(list(words)))
    except UserError:
        raise
    except (ArgumentError, ValueError) as error:
        cause = _user_error_within(error)
        raise UserError(str(cause) if cause else plain(str(error))) from error
    except RecursionError:
        raise UserError("--config: wanted a flat file of options, got too deep a one") from None


def plain(message: str) -> str:
    """Words of a parser made for developers, in words for users and on one line.

    >>> plain('Parser key "seed": Expected an int. Got value: abc')
    '--seed: wanted int, got abc'
    >>> plain('Parser key "method": Expected a dot import path string: Foo')
    "--method: there is no 'Foo'; graphforget methods and --help name what there is"
    """
    text = " ".join(message.split())
    for pattern, words in _PLAIN:
        text = re.sub(pattern, words, text)
    return text[:400].rstrip(" .:")


_PLAIN = (
    (
        r".*Importing '([\w.]+)' is not allowed.*",
        r"config: class '\1' may not be named here; name one of graphforget or of a plug-in",
    ),
    (r'Parser key "([\w.]+)":', r"--\1:"),
    (r"Problem with given class_path '(?:[\w.]*\.)?(\w+)':", r"\1:"),
    (
        r"Expected a dot import path string: (\S+)",
        r"there is no '\1'; graphforget methods and --help name what there is",
    ),
    (r"Expected an? typing\.Literal\[(.*?)\]\. Got value:", r"wanted one of \1, got"),
    (r"Expected an? (?:<class ')?(?:[\w.]*\.)?(\w+)(?:'>)?\. Got value:", r"wanted \1, got"),
    (r"the following arguments are required: (\w+)", r"--\1 is required"),
    (r"Option '(\w+)' is not accepted", r"has no option '\1'; --help names what there is"),
    (r"(?i)unrecognized arguments:", "there is no such option:"),
)


def _user_error_within(error: BaseException | None) -> UserError | None:
    """The validation of a class's own fields, where it is behind a parser's error."""
    while error is not None:
        if isinstance(error, UserError):
            return error
        error = error.__cause__ or error.__context__
    return None


def class_named(name: str, **fields: Any) -> dict[str, Any]:
    """A default that stands for an object of a class by its short name."""
    return {"class_path": name, "init_args": fields} if fields else {"class_path": name}
