"""Forgetting in recommenders: one request by one method on one model, judged against retraining."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from experiments.benchmark import Grid, Run
from experiments.cache import Cache
from experiments.forget_run import FLOOR, ORACLE, UNLEARN
from graphforget.audit import Cost, Meter, quick_audit
from graphforget.core.config import to_config
from graphforget.protocols import Learner, Outcome, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained
from recsys.audit import decile_gaps, parse_forget_set
from recsys.data.interactions import load_interactions
from recsys.interactions import Interactions
from recsys.task import Ranking
from recsys.unlearn.sharded import Sharded, hit_shards


@dataclass(frozen=True)
class RecsysForgetRun(Run):
    """One request, carried out once by one method on one recommender.

    Args:
        benchmark: name of the benchmark it belongs to.
        dataset: name of the log, as `recsys.data.interactions.load_interactions` knows it.
        learner: how the original and the retrained models are trained.
        unlearner: the method.
        request: what to forget, in the words of `recsys.audit.parse_forget_set`.
        seed: of the split, the request, the original and the method.
        whole: how the retrained models are trained that models in shards are compared with; by
            default as a shard is, which suits a part of the log.
    """

    benchmark: str
    dataset: str
    learner: Learner
    unlearner: Unlearner
    request: str
    seed: int = 0
    whole: Learner | None = None

    @property
    def asked(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"learner": self.learner, "unlearner": self.unlearner}
        if self.whole is not None:
            parts["whole"] = self.whole
        return {
            "benchmark": self.benchmark,
            "dataset": self.dataset,
            "task": "ranking",
            "model": type(self.compared).__name__,
            "learner": type(self.learner).__name__,
            "unlearner": type(self.unlearner).__name__,
            "config": {name: to_config(part) for name, part in parts.items()},
            "seed": self.seed,
            "request": {"sample": self.request},
        }

    @property
    def compared(self) -> Learner:
        """How retrained models are trained: without shards."""
        own = self.learner.learner if isinstance(self.learner, Sharded) else self.learner
        return own if self.whole is None else self.whole

    @property
    def shared(self) -> Hashable:
        return self.problem, self.seed

    @property
    def problem(self) -> Hashable:
        return self.dataset, self.learner, self.request

    def check(self, cache: Cache, root: str | None) -> None:
        quick = replace(self, learner=one_epoch(self.learner))
        data, task = prepared(quick, cache, root)
        task.check(data)
        quick.learner.build(data, task, self.seed)
        sampled(quick, data, task, cache).check(data)

    def carry_out(self, cache: Cache, root: str | None) -> dict[str, Any]:
        data, task = prepared(self, cache, root)
        original, _ = _fitted(self, self.learner, data, task, self.seed, "original", cache)
        request = sampled(self, data, task, cache)
        with Meter() as meter:
            after = self.unlearner(original, request, self.seed + UNLEARN)
        retained, plain, name = request.retained(data), self.compared, request.digest
        oracle, retraining = _fitted(
            self, plain, retained, task, self.seed + ORACLE, name, cache
        )
        floor, _ = _fitted(self, plain, retained, task, self.seed + FLOOR, name, cache)
        outcome = Outcome(original, after, request, meter.cost.seconds, oracle)
        report = quick_audit(outcome, floor, self.seed)
        rhos = {f"rho_{place}": part.rho for place, part in report.slices.items()}
        metrics = {**report.after, **rhos, "cpu_seconds": meter.cost.cpu_seconds}
        metrics["passed"] = float(report.verdict.passed)
        gaps = decile_gaps(after, oracle)
        metrics["worst_decile_gap"] = float(gaps[gaps.isfinite()].min())
        if isinstance(self.learner, Sharded):
            metrics["shards_hit"] = float(len(hit_shards(original, request)))
        return {
            "request": {
                "sample": self.request,
                "kind": request.kind,
                "size": request.size,
                "digest": request.digest,
            },
            "metrics": metrics,
            "oracle": dict(report.oracle) | {"cpu_seconds": retraining.cpu_seconds},
            "seconds": meter.cost.seconds,
            "oracle_seconds": retraining.seconds,
            "peak_mb": meter.cost.peak_mb,
        }


@dataclass(frozen=True)
class RecsysForgetGrid(Grid):
    """Runs of every combination of some choices, the unlearner changing fastest."""

    datasets: tuple[str, ...]
    learner: Learner
    requests: tuple[str, ...]
    unlearners: tuple[Unlearner, ...]
    seeds: tuple[int, ...] = (0,)
    whole: Learner | None = None

    def runs(self, benchmark: str) -> Iterator[RecsysForgetRun]:
        choices = product(self.datasets, self.seeds, self.requests, self.unlearners)
        for dataset, seed, request, unlearner in choices:
            yield RecsysForgetRun(
                benchmark, dataset, self.learner, unlearner, request, seed, self.whole
            )


def one_epoch(learner: Any) -> Any:
    """The same learner for a single pass, where it makes passes at all."""
    if isinstance(learner, Sharded):
        return replace(learner, learner=one_epoch(learner.learner))
    return replace(learner, epochs=1) if learner.descends else learner


def prepared(run: RecsysForgetRun, cache: Cache, root: str | None) -> tuple[Interactions, Task]:
    """The split log of a run and its task; D2DGN compares with pairs held out for choosing."""
    key = ("log", run.dataset, run.seed)
    data = cache.get(key, lambda: load_interactions(run.dataset, root, seed=run.seed))
    return data, Ranking()


def sampled(run: RecsysForgetRun, data: Interactions, task: Task, cache: Cache) -> ForgetRequest:
    """The request of a run."""
    plain = run.compared
    key = ("forget set", run.dataset, plain, run.request, run.seed)
    return cache.get(key, lambda: parse_forget_set(run.request, data, task, run.seed, plain))


def _fitted(
    run: RecsysForgetRun,
    learner: Learner,
    data: Interactions,
    task: Task,
    seed: int,
    part: str,
    cache: Cache,
) -> tuple[Trained, Cost]:
    def fit() -> tuple[Trained, Cost]:
        with Meter() as meter:
            trained = learner.fit(data, task, seed)
        return trained, meter.cost

    return cache.get((run.dataset, learner, part, run.seed, seed), fit)
