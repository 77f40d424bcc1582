"""Learning from wrong labels: one learner on one graph with one draw of noise."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from experiments.benchmark import Grid, Run, model_of
from experiments.cache import Cache
from experiments.noise_draws import Draws, Fresh
from experiments.settings import PublicNodes, Setting
from graphforget.audit import Meter
from graphforget.core.config import to_config
from graphforget.data import load_graph
from graphforget.data.noise import LabelNoise
from graphforget.learn.corrected import corrected_labels
from graphforget.learn.last_epoch import last_epoch
from graphforget.protocols import Learner
from graphforget.task import Task
from graphforget.trained import Trained


@dataclass(frozen=True)
class NoiseRun(Run):
    """One learner trained once on wrong labels and scored on test labels, which are right.

    Args:
        benchmark: name of the benchmark it belongs to.
        dataset: name of the graph, as `graphforget.data.load_graph` knows it.
        setting: the split.
        noise: kind and rate.
        draws: where the wrong labels come from.
        learner: the method.
        seed: of the split, the draw and the training, so that none of them is the same twice.
    """

    benchmark: str
    dataset: str
    setting: Setting
    noise: LabelNoise
    draws: Draws
    learner: Learner
    seed: int = 0

    @property
    def asked(self) -> dict[str, Any]:
        names = ("setting", "noise", "draws", "learner")
        return {
            "benchmark": self.benchmark,
            "dataset": self.dataset,
            "task": self.setting.name,
            "model": model_of(self.learner),
            "learner": type(self.learner).__name__,
            "unlearner": "",
            "config": {name: to_config(getattr(self, name)) for name in names},
            "seed": self.seed,
        }

    @property
    def shared(self) -> Hashable:
        return self.dataset, self.setting, self.noise, self.draws, self.seed

    @property
    def problem(self) -> Hashable:
        return self.dataset, self.setting, self.noise, self.draws, self.learner

    def check(self, cache: Cache, root: str | None) -> None:
        _, noisy, task = self._prepared(cache, root)
        task.check(noisy)
        self.learner.build(noisy, task, self.seed)

    def carry_out(self, cache: Cache, root: str | None) -> dict[str, Any]:
        clean, noisy, task = self._prepared(cache, root)
        with Meter() as meter:
            trained = self.learner.fit(noisy, task, self.seed)
        epoch, last = last_epoch(trained) or (self.learner.epochs, trained.model)
        metrics = {
            "test_accuracy": _test_accuracy(task, trained.model, noisy),
            "last_test_accuracy": _test_accuracy(task, last, noisy),
            "val_accuracy": task.evaluate(trained.model, noisy)["val_accuracy"],
            "last_epoch": float(epoch),
            "cpu_seconds": meter.cost.cpu_seconds,
        }
        return {
            "metrics": metrics | label_scores(trained, clean),
            "seconds": meter.cost.seconds,
            "peak_mb": meter.cost.peak_mb,
        }

    def _prepared(self, cache: Cache, root: str | None) -> tuple[Data, Data, Task]:
        """The graph with its own labels, with wrong ones, and the task."""
        graph = cache.get(("graph", self.dataset), lambda: load_graph(self.dataset, root))
        clean, task = cache.get(
            ("data", self.dataset, self.setting, self.seed),
            lambda: self.setting.prepare(graph, self.seed),
        )
        noisy = self.draws.noisy(clean, self.dataset, self.noise, self.seed, root)
        return clean, noisy, task


@dataclass(frozen=True)
class NoiseGrid(Grid):
    """Runs of every combination of some choices, the learner changing fastest.

    Args:
        datasets: names of graphs.
        learners: the methods, by the name of the data set where one has its own constants; a
            method under ``""`` is for all of them.
        noises: kinds and rates.
        setting: the split.
        draws: where the wrong labels come from.
        seeds: one draw each.
    """

    datasets: tuple[str, ...]
    noises: tuple[LabelNoise, ...]
    learners: Mapping[str, tuple[Learner, ...]]
    setting: Setting = field(default_factory=PublicNodes)
    draws: Draws = field(default_factory=Fresh)
    seeds: tuple[int, ...] = (0,)

    def runs(self, benchmark: str) -> Iterator[NoiseRun]:
        for dataset, noise, seed in product(self.datasets, self.noises, self.seeds):
            for learner in (*self.learners.get("", ()), *self.learners.get(dataset, ())):
                yield NoiseRun(
                    benchmark, dataset, self.setting, noise, self.draws, learner, seed
                )


def label_scores(trained: Trained, clean: Data) -> dict[str, float]:
    """How right the training labels are, as given and as corrected: shares of the nodes."""
    found = corrected_labels(trained)
    train = clean.train_mask[found.node]
    truth = clean.y[found.node][train]
    return {
        "given_labels_right": _share(found.given[train] == truth),
        "corrected_labels_right": _share(found.corrected[train] == truth),
    }


def _share(right: Tensor) -> float:
    return float(right.float().mean()) if right.numel() else float("nan")


def _test_accuracy(task: Task, model: torch.nn.Module, data: Data) -> float:
    return task.evaluate(model, data)["test_accuracy"]
