"""Forgetting: a request carried out once by one method on one model, judged against retraining."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from torch_geometric.data import Data

from experiments.benchmark import Grid, Run, model_of
from experiments.cache import Cache
from experiments.settings import Setting
from graphforget.audit import AuditReport, Cost, Meter, quick_audit
from graphforget.core.config import to_config
from graphforget.data import load_graph
from graphforget.data.sample_text import parse_sample
from graphforget.protocols import Learner, Outcome, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained

UNLEARN, ORACLE, FLOOR = 1000, 2000, 3000
"""Added to a run's seed, so that no two models of a run start from the same weights."""


@dataclass(frozen=True)
class ForgetRun(Run):
    """One request, carried out once by one method on one model.

    Args:
        benchmark: name of the benchmark it belongs to.
        dataset: name of the graph, as `graphforget.data.load_graph` knows it.
        setting: the split and the task.
        learner: how the original and the retrained models are trained.
        unlearner: the method.
        request: what to forget, in the words of `graphforget.data.sample_text`.
        seed: of the split, the request, the original and the method.
    """

    benchmark: str
    dataset: str
    setting: Setting
    learner: Learner
    unlearner: Unlearner
    request: str
    seed: int = 0

    @property
    def asked(self) -> dict[str, Any]:
        parts = {"setting": self.setting, "learner": self.learner, "unlearner": self.unlearner}
        return {
            "benchmark": self.benchmark,
            "dataset": self.dataset,
            "task": self.setting.name,
            "model": model_of(self.learner),
            "learner": type(self.learner).__name__,
            "unlearner": type(self.unlearner).__name__,
            "config": {name: to_config(part) for name, part in parts.items()},
            "seed": self.seed,
            "request": {"sample": self.request},  # the request is still its recipe
        }

    @property
    def shared(self) -> Hashable:
        return self.problem, self.seed

    @property
    def problem(self) -> Hashable:
        return self.dataset, self.setting, self.learner, self.request

    def check(self, cache: Cache, root: str | None) -> None:
        quick = replace(self, learner=replace(self.learner, epochs=1))  # type: ignore[type-var]
        data, task = prepared(quick, cache, root)
        task.check(data)
        quick.learner.build(data, task, self.seed)
        sampled(quick, data, task, cache).check(data)

    def carry_out(self, cache: Cache, root: str | None) -> dict[str, Any]:
        data, task = prepared(self, cache, root)
        original, _ = _fitted(self, data, task, self.seed, "original", cache)
        request = sampled(self, data, task, cache)
        with Meter() as meter:
            after = self.unlearner(original, request, self.seed + UNLEARN)
        retained = request.retained(data)
        name = request.digest
        oracle, retraining = _fitted(self, retained, task, self.seed + ORACLE, name, cache)
        floor, _ = _fitted(self, retained, task, self.seed + FLOOR, name, cache)
        outcome = Outcome(original, after, request, meter.cost.seconds, oracle)
        report = quick_audit(outcome, floor, self.seed)
        return {
            "request": {
                "sample": self.request,
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


@dataclass(frozen=True)
class ForgetGrid(Grid):
    """Runs of every combination of some choices, the unlearner changing fastest."""

    datasets: tuple[str, ...]
    setting: Setting
    learner: Learner
    requests: tuple[str, ...]
    unlearners: tuple[Unlearner, ...]
    seeds: tuple[int, ...] = (0,)

    def runs(self, benchmark: str) -> Iterator[ForgetRun]:
        choices = product(self.datasets, self.seeds, self.requests, self.unlearners)
        for dataset, seed, request, unlearner in choices:
            yield ForgetRun(
                benchmark, dataset, self.setting, self.learner, unlearner, request, seed
            )


def prepared(run: ForgetRun, cache: Cache, root: str | None) -> tuple[Data, Task]:
    """The split graph of a run and its task."""
    graph = cache.get(("graph", run.dataset), lambda: load_graph(run.dataset, root))
    key = ("data", run.dataset, run.setting, run.seed)
    return cache.get(key, lambda: run.setting.prepare(graph, run.seed))


def sampled(run: ForgetRun, data: Data, task: Task, cache: Cache) -> ForgetRequest:
    """The request of a run."""
    key = ("request", run.dataset, run.setting, run.learner, run.request, run.seed)
    return cache.get(
        key, lambda: parse_sample(run.request, data, task, run.seed, learner=run.learner)
    )


def _fitted(
    run: ForgetRun, data: Data, task: Task, seed: int, part: str, cache: Cache
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
