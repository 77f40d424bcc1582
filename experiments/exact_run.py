"""Exact forgetting: how good a system's answers are after so many deletions."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from torch_geometric.data import Data

from experiments.benchmark import Grid, Run
from experiments.cache import Cache
from experiments.exact_stages import Trainer
from experiments.settings import Nodes, Setting
from graphforget.core.config import to_config
from graphforget.data import load_graph
from graphforget.exact.formulas import training_cost
from graphforget.exact.graph_recipe import GraphRecipe
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import State
from graphforget.request import ForgetRequest
from graphforget.task import Task

DELETIONS = (0, 1, 4, 8, 16, 32)


@dataclass(frozen=True)
class ExactRun(Run):
    """One plan and recipe on one graph: trained once, then asked after streams of deletions.

    Training nodes are deleted at random, so that the test nodes stay the same; public ones stay.

    Args:
        benchmark: name of the benchmark it belongs to.
        dataset: name of the graph.
        setting: the split.
        title: what tables call the system.
        plan: shards, slices and stages.
        recipe: how a stage is trained; its number of classes is replaced by the graph's.
        deletions: counts after which it is asked.
        streams: independent streams of deletions.
        repairs: counts after which it is repaired and asked, in the first stream.
        seed: of the split, the deletions and the training.
    """

    benchmark: str
    dataset: str
    setting: Setting
    title: str
    plan: Plan
    recipe: GraphRecipe
    deletions: tuple[int, ...] = DELETIONS
    streams: int = 3
    repairs: tuple[int, ...] = ()
    seed: int = 0

    @property
    def asked(self) -> dict[str, Any]:
        names = ("setting", "plan", "recipe")
        config: dict[str, Any] = {name: to_config(getattr(self, name)) for name in names}
        for name in ("title", "deletions", "streams", "repairs"):
            value = getattr(self, name)
            config[name] = list(value) if isinstance(value, tuple) else value
        return {
            "benchmark": self.benchmark, "dataset": self.dataset, "task": self.setting.name,
            "model": "", "learner": type(self.recipe).__name__, "unlearner": "",
            "config": config, "seed": self.seed,
        }

    @property
    def shared(self) -> Hashable:
        return self.dataset, self.setting, self.plan.placement, self.recipe, self.seed

    @property
    def problem(self) -> Hashable:
        return self.dataset, self.setting, self.plan, self.recipe

    def check(self, cache: Cache, root: str | None) -> None:
        data, _ = self._prepared(cache, root)
        self.plan.check(int(data.num_nodes or 0))

    def carry_out(self, cache: Cache, root: str | None) -> dict[str, Any]:
        data, task = self._prepared(cache, root)
        recipe = replace(self.recipe, num_classes=task.out_channels)
        memory: dict[str, State] = cache.get(("stages", self.shared), dict)
        with tempfile.TemporaryDirectory() as folder:
            source = GraphSource.write(Path(folder) / "source", data, self.plan)
            system = Trainer(self.plan, recipe, source, self.seed, memory)
            started, cpu = time.perf_counter(), time.process_time()
            for shard, path in product(range(self.plan.shards), self.plan.stages):
                system.stage(shard, path)
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
            metrics = self._after_deletions(system, data, task) | {
                "stages": float(self.plan.shards * len(self.plan.stages)),
                "training_cost": training_cost(self.plan),
                "stored_mb": system.bytes() / 2**20,
                "trained_stages": float(system.trained),
                "cpu_seconds": cpu,
            }
            for count in self.repairs:
                where = Path(folder) / f"repaired-{count}"
                shutil.copytree(source.folder, where)
                metrics[f"repaired_accuracy_{count}"] = self._repaired(
                    system.at(GraphSource(where)), data, task, count
                )
        return {"metrics": metrics, "seconds": seconds}

    def _after_deletions(self, system: Trainer, data: Data, task: Task) -> dict[str, float]:
        """Accuracy, depth and live shards after each count, means over the streams."""
        found: dict[str, list[float]] = {}
        whole = system.source.whole()
        for stream, count in product(range(self.streams), self.deletions):
            request = self._first(data, stream, count)
            hits = {} if request is None else system.source.hits(request)
            rows = whole if request is None else system.source.without(whole, request)
            for name, several in (("accuracy", False), ("mean_accuracy", True)):
                served = {
                    shard: self.plan.served(hits.get(shard, frozenset()), several)
                    for shard in range(self.plan.shards)
                }
                answer = system.answer(rows, served)
                found.setdefault(f"{name}_{count}", []).append(_accuracy(answer, rows, task))
            depths = [self.plan.depth(hits.get(s, frozenset())) for s in range(self.plan.shards)]
            kept = sum(depths) / (self.plan.shards * self.plan.slices)
            found.setdefault(f"kept_{count}", []).append(kept)
            found.setdefault(f"alive_{count}", []).append(float(sum(d > 0 for d in depths)))
        return {name: sum(values) / len(values) for name, values in found.items()}

    def _repaired(self, system: Trainer, data: Data, task: Task, count: int) -> float:
        request = self._first(data, 0, count)
        assert request is not None
        system.source.forget(request)
        served = dict.fromkeys(range(self.plan.shards), self.plan.served(()))
        rows = system.source.whole()
        return _accuracy(system.answer(rows, served), rows, task)

    def _first(self, data: Data, stream: int, count: int) -> ForgetRequest | None:
        """The first so many deletions of a stream, as one request."""
        generator = Generator().manual_seed(1000 * self.seed + stream)
        public = torch.tensor(self.plan.placement.public, dtype=torch.int64)
        nodes = data.train_mask.nonzero().view(-1)
        nodes = nodes[torch.randperm(len(nodes), generator=generator)]
        nodes = nodes[~torch.isin(nodes, public)][:count]
        return ForgetRequest("node", tuple(nodes.tolist())) if count else None

    def _prepared(self, cache: Cache, root: str | None) -> tuple[Data, Task]:
        graph = cache.get(("graph", self.dataset), lambda: load_graph(self.dataset, root))
        return cache.get(
            ("data", self.dataset, self.setting, self.seed),
            lambda: self.setting.prepare(graph, self.seed),
        )


@dataclass(frozen=True)
class ExactGrid(Grid):
    """Systems on graphs, for several seeds.

    Args:
        datasets: names of graphs.
        systems: title -> plan and recipe.
        setting: the split.
        seeds: one split, training and set of streams each.
        deletions: see `ExactRun`.
        streams: see `ExactRun`.
        repairs: title of a system -> counts after which it is repaired.
    """

    datasets: tuple[str, ...]
    systems: Mapping[str, tuple[Plan, GraphRecipe]]
    setting: Setting = field(default_factory=lambda: Nodes(normalise=False))
    seeds: tuple[int, ...] = (0,)
    deletions: tuple[int, ...] = DELETIONS
    streams: int = 3
    repairs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def runs(self, benchmark: str) -> Iterator[ExactRun]:
        for dataset, seed in product(self.datasets, self.seeds):
            for title, (plan, recipe) in self.systems.items():
                yield ExactRun(
                    benchmark, dataset, self.setting, title, plan, recipe, self.deletions,
                    self.streams, self.repairs.get(title, ()), seed,
                )


def _accuracy(answer: Tensor, rows: Data, task: Task) -> float:
    items = task.test_items(rows)
    return float((answer[items].argmax(1) == rows.y[items]).float().mean())
