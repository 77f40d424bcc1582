"""Carry out runs, here or on a worker: one record each, whatever comes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import torch

from experiments.benchmark import Run
from experiments.cache import Cache
from graphforget.core.errors import Refused
from graphforget.core.record import Record, git_state, versions


@dataclass(frozen=True)
class Worker:
    """Carries out runs that share models, one after the other; this is what a pool maps.

    Args:
        root: folder of the data sets.
        cache: what its runs share.
    """

    root: str | None = None
    cache: Cache = field(default_factory=Cache, repr=False, compare=False)

    def __call__(self, runs: tuple[Run, ...]) -> list[Record]:
        return [run_one(run, self.cache, self.root) for run in runs]


def run_one(run: Run, cache: Cache, root: str | None = None) -> Record:
    """The record of one run, also when a method refuses or something fails.

    Everything runs on one thread, so that times and sums are the same wherever it runs.
    """
    said = run.asked | {
        "git": git_state(),
        "versions": versions(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        with one_thread():
            return Record(**said | run.carry_out(cache, root))
    except Refused as error:
        return Record(**said, status="refused", error=str(error))
    except Exception as error:
        return failure(run, error, said)


def failure(run: Run, error: BaseException, said: dict[str, Any] | None = None) -> Record:
    """The record of a run that did not end well."""
    words = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    return Record(**(said or run.asked), status="failed", error=words)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread for the length of a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
