"""Carry out one run: load, fit, sample, forget by the clock, retrain, audit, one record."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import torch
from torch_geometric.data import Data

from experiments.benchmark import Run
from graphforget.audit import AuditReport, Cost, Meter, quick_audit
from graphforget.core.errors import Refused
from graphforget.core.record import Record, git_state, versions
from graphforget.data import load_graph
from graphforget.data.sample_text import parse_sample
from graphforget.protocols import Outcome
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained

UNLEARN, ORACLE, FLOOR = 1000, 2000, 3000
"""Added to a run's seed, so that no two models of a run start from the same weights."""


class Cache:
    """What runs share, made once and dropped when newer things need the room.

    A copy in another process starts empty: what it holds is large and quickly made again.

    Args:
        size: how many things to keep; the one not asked for longest goes first.

    >>> cache = Cache(size=1)
    >>> cache.get("a", lambda: 1), cache.get("a", lambda: 2), cache.get("b", lambda: 3)
    (1, 1, 3)
    >>> cache.get("a", lambda: 4)
    4
    """

    def __init__(self, size: int = 12) -> None:
        self.size = size
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept under ``key``, made now if it is not there."""
        if key not in self._kept:
            made = make()
            while len(self._kept) >= self.size:
                self._kept.popitem(last=False)
            self._kept[key] = made
        self._kept.move_to_end(key)
        return self._kept[key]

    def __reduce__(self) -> tuple[Any, ...]:
        return Cache, (self.size,)


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
    """The record of one run, also when the method refuses or something fails.

    Everything runs on one thread, so that times and sums are the same wherever it runs.
    """
    said = run.asked | {
        "git": git_state(),
        "versions": versions(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        with one_thread():
            return Record(**said | _found(run, cache, root))
    except Refused as error:
        return Record(**said, status="refused", error=str(error))
    except Exception as error:
        return failure(run, error, said)


def failure(run: Run, error: BaseException, said: dict[str, Any] | None = None) -> Record:
    """The record of a run that did not end well."""
    words = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    return Record(**(said or run.asked), status="failed", error=words)


def prepared(run: Run, cache: Cache, root: str | None) -> tuple[Data, Task]:
    """The split graph of a run and its task."""
    graph = cache.get(("graph", run.dataset), lambda: load_graph(run.dataset, root))
    key = ("data", run.dataset, run.setting, run.seed)
    return cache.get(key, lambda: run.setting.prepare(graph, run.seed))


def sampled(run: Run, data: Data, task: Task, cache: Cache) -> ForgetRequest:
    """The request of a run."""
    key = ("request", run.dataset, run.setting, run.learner, run.request, run.seed)
    return cache.get(
        key, lambda: parse_sample(run.request, data, task, run.seed, learner=run.learner)
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread for the length of a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _found(run: Run, cache: Cache, root: str | None) -> dict[str, Any]:
    data, task = prepared(run, cache, root)
    original, _ = _fitted(run, data, task, run.seed, "original", cache)
    request = sampled(run, data, task, cache)
    with Meter() as meter:
        after = run.unlearner(original, request, run.seed + UNLEARN)
    retained = request.retained(data)
    oracle, retraining = _fitted(run, retained, task, run.seed + ORACLE, request.digest, cache)
    floor, _ = _fitted(run, retained, task, run.seed + FLOOR, request.digest, cache)
    outcome = Outcome(original, after, request, meter.cost.seconds, oracle)
    report = quick_audit(outcome, floor, run.seed)
    return {
        "request": {
            "sample": run.request,
            "kind": request.kind,
            "size": request.size,
            "digest": request.digest,
        },
        "metrics": _after(report) | {"cpu_seconds": meter.cost.cpu_seconds},
        "oracle": _oracle(report) | {"cpu_seconds": retraining.cpu_seconds},
        "seconds": meter.cost.seconds,
        "oracle_seconds": retraining.seconds,
        "peak_mb": meter.cost.peak_mb,
    }


def _fitted(
    run: Run, data: Data, task: Task, seed: int, part: str, cache: Cache
) -> tuple[Trained, Cost]:
    def fit() -> tuple[Trained, Cost]:
        with Meter() as meter:
            trained = run.learner.fit(data, task, seed)
        return trained, meter.cost

    return cache.get((run.dataset, run.setting, run.learner, part, seed), fit)


def _after(report: AuditReport) -> dict[str, float]:
    """Scores of the unlearned model, its normalised distances, and the verdict as 0 or 1."""
    rhos = {f"rho_{place}": part.rho for place, part in report.slices.items()}
    return {**report.after, **rhos, "passed": float(report.verdict.passed)}


def _oracle(report: AuditReport) -> dict[str, float]:
    """Scores of the retrained model; its distance is that to another retrained model."""
    distances = {name: value for name, value in report.floor.items() if "distance" in name}
    rhos = {f"rho_{place}": 0.0 for place in report.slices}
    return {**report.oracle, **distances, **rhos}
