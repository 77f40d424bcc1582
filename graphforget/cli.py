"""The command ``graphforget``: a table of verbs, each imported only when it is asked for.

Exit codes: 0, 2 for the user's mistake (one line says what), 1 for ours. Some verbs add codes of
their own, which their ``--help`` names.
"""

from __future__ import annotations

import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import graphforget
from graphforget.core.errors import UserError

VERBS = {
    "demo": "train, forget and audit on an embedded graph, in about a minute",
    "train": "train a model on a graph and write a run folder",
    "forget": "carry out requests on a run and write a new run without the data they name",
    "audit": "compare a run that forgot with retraining: a table and a report",
    "predict": "write the responses of a run's model",
    "denoise": "find labels that are probably wrong, and what they should be",
    "methods": "list the unlearning methods and what each supports",
}
"""Each verb and its one line; ``graphforget.commands.<verb>`` is its module."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: words after the command's name; by default those of the process.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        return _dispatch(words)
    except UserError as error:
        return _complain(f"error: {error}", 2, debug)
    except KeyboardInterrupt:
        return _complain("interrupted; nothing was left half written", 130, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on
        return 0
    except OSError as error:
        if error.filename is None:
            return _our_mistake(error, debug)
        return _complain(f"error: {error.filename}: {error.strerror}; check the path", 2, debug)
    except Exception as error:
        return _our_mistake(error, debug)


def usage() -> str:
    """What ``graphforget --help`` prints."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {line}" for verb, line in VERBS.items())
    return (
        "usage: graphforget VERB [options]\n\n"
        "Train a graph model, forget what a request names, prove it.\n\n"
        f"verbs:\n{verbs}\n\n"
        "graphforget VERB --help   says what a verb takes\n"
        "graphforget --version     prints the version\n"
        "--debug after any verb    shows the traceback of an error"
    )


def _dispatch(words: list[str]) -> int:
    if words[:1] in (["--help"], ["-h"], ["help"]):
        print(usage())
        return 0
    if words[:1] == ["--version"]:
        print(f"graphforget {graphforget.__version__}")
        return 0
    if not words:
        raise UserError(f"wanted a verb ({', '.join(VERBS)}), got nothing; see graphforget --help")
    verb = words[0]
    if verb not in VERBS:
        close = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "see graphforget --help"
        raise UserError(f"wanted a verb ({', '.join(VERBS)}), got {verb!r}; {hint}")
    module = import_module(f"graphforget.commands.{verb}")
    parse = import_module("graphforget.commands.parsing").parse
    return module.run(parse(module.parser(), words[1:]))


def _our_mistake(error: Exception, debug: bool) -> int:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return _complain(
        f"internal error: {reason}; this is a fault of graphforget {graphforget.__version__}: "
        "run it again with --debug and report what it prints",
        1,
        debug,
    )


def _complain(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"graphforget: {' '.join(message.split())}", file=sys.stderr)
    return code
