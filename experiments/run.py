"""Run a benchmark: all of its runs that have no record yet, through a pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tqdm import tqdm

from experiments.benchmark import Run, key_of
from experiments.cache import Cache
from experiments.work import Worker, failure
from graphforget.core.errors import UserError
from graphforget.core.pool import Pool
from graphforget.core.record import Record, append_record, read_records

TOGETHER = 8
"""Most runs that a worker is given at a time, and so the most that are lost with it."""


def run_all(runs: Sequence[Run], pool: Pool, out: str | Path, root: str | None = None) -> Counter:
    """Carry out runs and append one record each; returns how many ended how.

    Args:
        runs: what to do; see `unfinished`.
        pool: where to do it.
        out: file of records, JSON lines.
        root: folder of the data sets.
    """
    ended: Counter = Counter()
    with tqdm(total=len(runs), unit="run", disable=None) as bar:
        for group, found in pool.map(Worker(root), groups(runs)):
            for record in _records(group, found):
                append_record(out, record)
                ended[record.status] += 1
            bar.update(len(group))
            bar.set_postfix(ended)
    return ended


def unfinished(runs: Iterable[Run], out: str | Path, retry: bool = False) -> list[Run]:
    """The runs without a record in a file.

    Args:
        runs: all runs.
        out: the file; it need not be there.
        retry: count a failed run as one without a record.
    """
    done = {key_of(record) for record in read_records(out)
            if not (retry and record.status == "failed")}
    return [run for run in runs if run.key not in done]


def groups(runs: Iterable[Run], at_most: int = TOGETHER) -> Iterator[tuple[Run, ...]]:
    """Neighbouring runs that share what is made on the way, a few at a time.

    They go to the same worker, which trains what they share once.
    """
    for _, same in groupby(runs, lambda run: run.shared):
        whole = tuple(same)
        for start in range(0, len(whole), at_most):
            yield whole[start : start + at_most]


def dry_run(runs: Iterable[Run], root: str | None = None) -> int:
    """Build every run without training it, so that none dies at hour six of a misspelt name.

    Graphs are loaded and split, models are built, requests are sampled; where that trains
    models, for one epoch. Returns how many different problems there were.

    Raises:
        UserError: with the first run that cannot be built.
    """
    cache, seen = Cache(), set()
    for run in runs:
        try:
            _ = run.key  # everything in it can be written down
            if run.problem not in seen:
                seen.add(run.problem)
                run.check(cache, root)
        except UserError as error:
            raise UserError(f"{run}: {error}") from error
    return len(seen)


def _records(group: tuple[Run, ...], found: list[Record] | Exception) -> list[Record]:
    """The records of a group; a worker that was lost leaves a failed one for each of its runs."""
    if isinstance(found, Exception):
        return [failure(run, found) for run in group]
    return found
