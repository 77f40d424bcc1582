"""The command ``graphforget``: a table of verbs, each imported only when it is asked for.

Exit codes: 0, 2 for the user's mistake (one line says what), 1 for ours. Some verbs add codes of
their own, which their ``--help`` names. A command of another package is a `Command` of its own
that the same functions carry out.
"""

from __future__ import annotations

import difflib
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import graphforget
from graphforget.core.errors import UserError

VERBS = {
    "demo": "train, forget and audit on an embedded graph, in about a minute",
    "train": "train a model on a graph and write a run folder",
    "forget": "carry out requests on a run and write a new run without the data they name",
    "purge": "remove what was made from the data that a run has forgotten",
    "audit": "compare a run that forgot with retraining: a table and a report",
    "predict": "write the responses of a run's model",
    "denoise": "find labels that are probably wrong, and what they should be",
    "methods": "list the unlearning methods and what each supports",
    "s3t": "exact forgetting: plan, train and serve shards, forget in milliseconds",
}
"""Each verb and its one line; ``graphforget.commands.<verb>`` is its module, ``-`` being ``_``.

A module that has ``VERBS`` of its own is a group: ``s3t plan`` is in ``commands.s3t_plan``.
"""


@dataclass(frozen=True)
class Command:
    """A command of verbs; ``<name>.commands.<verb>`` is a verb's module.

    Args:
        name: of the command and of its package, whose ``commands.parsing`` parses options.
        says: one sentence.
        verbs: each verb and its one line.
    """

    name: str
    says: str
    verbs: Mapping[str, str]


COMMAND = Command(
    "graphforget", "Train a graph model, forget what a request names, prove it.", VERBS
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: words after the command's name; by default those of the process.

    Returns:
        The exit code.
    """
    return answered(COMMAND.name, _dispatch, arguments)


def answered(
    name: str, dispatch: Callable[[list[str]], int], arguments: Sequence[str] | None
) -> int:
    """The exit code of a command, with one line on standard error for whatever went wrong.

    Args:
        name: of the command, which begins the line.
        dispatch: carries out the words after the name.
        arguments: those words; by default those of the process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        return dispatch(words)
    except UserError as error:
        return _complain(name, f"error: {error}", 2, debug)
    except KeyboardInterrupt:
        return _complain(name, "interrupted; nothing was left half written", 130, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on
        return 0
    except OSError as error:
        if error.filename is None:
            return _our_mistake(name, error, debug)
        message = f"error: {error.filename}: {error.strerror}; check the path"
        return _complain(name, message, 2, debug)
    except Exception as error:
        return _our_mistake(name, error, debug)


def dispatched(command: Command, words: list[str]) -> int:
    """Carry out the verb that the first word names; returns its exit code.

    A module that has ``VERBS`` of its own is a group of verbs.
    """
    name = command.name
    if words[:1] == ["--version"]:
        print(f"{name} {graphforget.__version__}")
        return 0
    if _asks_for_help(words):
        print(usage(command))
        return 0
    verb = _known(words, command.verbs, name)
    module, words = import_module(f"{name}.commands.{verb.replace('-', '_')}"), words[1:]
    if hasattr(module, "VERBS"):
        group = Command(f"{name} {verb}", module.SAYS, module.VERBS)
        if _asks_for_help(words):
            print(usage(group, module.REMARK))
            return 0
        inner = _known(words, module.VERBS, group.name)
        module, words = import_module(f"{name}.commands.{verb}_{inner}"), words[1:]
    parse = import_module(f"{name}.commands.parsing").parse
    return module.run(parse(module.parser(), words))


def usage(command: Command, remark: str = "") -> str:
    """What ``--help`` prints, after a command or after a verb that has verbs of its own."""
    width = max(map(len, command.verbs))
    lines = "\n".join(f"  {verb:<{width}}  {line}" for verb, line in command.verbs.items())
    hints = {
        f"{command.name} VERB --help": "says what a verb takes",
        f"{command.name.partition(' ')[0]} --version": "prints the version",
        "--debug after any verb": "shows the traceback of an error",
    }
    wide = max(map(len, hints))
    help_, version, debug = (f"{what:<{wide}}   {line}" for what, line in hints.items())
    return (
        f"usage: {command.name} VERB [options]\n\n"
        f"{command.says}\n\n"
        f"verbs:\n{lines}\n\n"
        f"{help_}\n{remark}{version}\n{debug}"
    )


def _dispatch(words: list[str]) -> int:
    return dispatched(COMMAND, words)


def _asks_for_help(words: list[str]) -> bool:
    return words[:1] in (["--help"], ["-h"], ["help"])


def _known(words: list[str], verbs: Mapping[str, str], command: str) -> str:
    """The verb that the first word names."""
    wanted = f"wanted a verb ({', '.join(verbs)})"
    if not words:
        raise UserError(f"{wanted}, got nothing; see {command} --help")
    if words[0] not in verbs:
        close = difflib.get_close_matches(words[0], verbs, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"see {command} --help"
        raise UserError(f"{wanted}, got {words[0]!r}; {hint}")
    return words[0]


def _our_mistake(name: str, error: Exception, debug: bool) -> int:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return _complain(
        name,
        f"internal error: {reason}; this is a fault of {name} {graphforget.__version__}: "
        "run it again with --debug and report what it prints",
        1,
        debug,
    )


def _complain(name: str, message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr)
    return code
