"""The command ``recsys``: its verbs, each imported only when it is asked for.

Exit codes are those of `graphforget.cli`, which carries the words out.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphforget.cli import Command, answered, dispatched

VERBS = {
    "demo": "rank the fields of an embedded click log and retrain on the best, in about a minute",
    "select": "rank the fields of a click log, and retrain on the best of them",
    "bench": "compare selectors over backbones, data sets and seeds: records, pages, pictures",
    "train": "train a recommender or a click model and write a run folder",
    "forget": "carry out requests on a run and write a new run without the data they name",
    "demo-forget": "a film lover asks to be forgotten: what he was told before, and after",
    "audit": "compare a run that forgot with retraining: a table and a report",
    "predict": "write the answers of a run's model",
}
"""Each verb and its one line; ``recsys.commands.<verb>`` is its module."""

COMMAND = Command(
    "recsys", "Choose the fields of click models, forget what a request names, prove it.", VERBS
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: words after the command's name; by default those of the process.

    Returns:
        The exit code.
    """
    return answered(COMMAND.name, lambda words: dispatched(COMMAND, words), arguments)
