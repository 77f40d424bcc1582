"""Forgetting in recommenders: every method on every request, against samples of retrained models.

For each model and request: N originals, N retrained models and N more (the noise floor); then
every method on the originals, as one request or as ten in turn. Cost is the CPU time of
forgetting, aggregators included, over that of training one model again, on one thread, in the
same run. Models in shards are rows of their own, with what their deletion costs in its parts.

    python -m benchmarks.recsys --quick                       a few minutes, nothing to download
    python -m benchmarks.recsys [--root DIR] [--models 16] [--only PATTERN ...]

One JSON line a row, written as soon as it is known; rows that are there are not measured again.
Rows are named dataset/model/request/seed/method, and --only takes a regular expression of names.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.recsys_arms import Bench, measured, of_shards, set_up, unlearned, utility
from benchmarks.recsys_table import write_table
from benchmarks.rows import finite, read_rows
from experiments.recsys_methods import LEARNERS, SHARDED, methods_for
from graphforget.core.config import to_config
from graphforget.core.errors import Refused, UserError
from graphforget.core.files import append_line
from graphforget.protocols import Learner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from recsys.audit import fit_many, parse_forget_set
from recsys.data.interactions import load_interactions
from recsys.interactions import Interactions
from recsys.task import Ranking
from recsys.unlearn.sharded import Sharded

REQUESTS = (
    ("users:1", 1),
    ("users:1%", 1),
    ("users:5%", 1),
    ("interactions:2%", 1),
    ("interactions:2%:memorised", 1),
    ("interactions:2%", 10),
)
"""What is forgotten, and in how many requests one after the other."""

SHARD_REQUESTS = (("users:1", 1), ("users:5%", 1), ("users:5%:core", 1))
CONTROLS = ("none", "floor")


@dataclass(frozen=True)
class Cell:
    """One request on one model; the methods of a cell share their models."""

    dataset: str
    model: str
    learner: Learner
    request: str
    parts: int
    seed: int
    models: int

    def name(self, method: str) -> str:
        """Name of a row."""
        turns = f" in {self.parts}" if self.parts > 1 else ""
        request = f"{self.request}{turns}"
        return "/".join([self.dataset, self.model, request, str(self.seed), method])

    def asked(self, method: str) -> dict[str, Any]:
        """The part of a row that says what was measured."""
        return {
            "dataset": self.dataset, "model": self.model, "request": self.request,
            "parts": self.parts, "seed": self.seed, "method": method, "models": self.models,
            "learner": to_config(self.learner),
        }


def main() -> None:
    """Measure what is missing, then write the table."""
    options = _options()
    torch.set_num_threads(1)
    out = Path(options.out)
    done = {identity(row) for row in read_rows(out)}
    todo = [
        (cell, [name for name in methods(cell)
                if all(re.search(only, cell.name(name)) for only in options.only)
                and identity(cell.asked(name)) not in done])
        for cell in cells(options)
    ]
    todo = [] if options.report else [(cell, names) for cell, names in todo if names]
    originals: dict[tuple, list[Trained]] = {}
    with tqdm(total=sum(len(names) for _, names in todo), unit="row") as bar:
        for cell, names in todo:
            bar.set_description(cell.name(""))
            problem = cell.dataset, cell.learner, cell.seed, cell.models
            if problem not in originals:
                originals = {problem: trained(cell, options.root)}  # one problem at a time
            for row in measure_cell(cell, names, originals[problem]):
                append_line(out, json.dumps(finite(row)))
                bar.update()
    print(write_table(read_rows(out), out.with_suffix(".md")))


def cells(options: argparse.Namespace) -> Iterator[Cell]:
    """All cells; those with the same originals stand together."""
    for dataset in options.datasets.split(","):
        for seed in range(options.seeds):
            for model, learner in (LEARNERS | SHARDED).items():
                shards = isinstance(learner, Sharded)
                count = 1 if shards or not learner.descends else options.models
                for request, parts in SHARD_REQUESTS if shards else REQUESTS:
                    if "memorised" in request and not learner.descends:
                        continue  # a solved model has no margins that vary
                    each = shorter(learner) if options.quick else learner
                    yield Cell(dataset, model, each, request, parts, seed, count)


def shorter(learner: Any) -> Any:
    """The same learner with a few epochs."""
    if isinstance(learner, Sharded):
        return replace(learner, learner=shorter(learner.learner))
    return replace(learner, epochs=4) if learner.descends else learner


def methods(cell: Cell) -> dict[str, Any]:
    """The rows of a cell by name."""
    if isinstance(cell.learner, Sharded):
        return {"shards": cell.learner}
    return dict.fromkeys(CONTROLS) | methods_for(cell.learner)


def trained(cell: Cell, root: str | None) -> list[Trained]:
    """The originals of a cell."""
    data = load_interactions(cell.dataset, root, seed=cell.seed)
    task = Ranking()
    return fit_many(cell.learner, data, task, range(cell.seed, cell.seed + cell.models))


def measure_cell(cell: Cell, names: list[str], originals: list[Trained]) -> Iterator[dict]:
    """The rows of a cell, one after the other."""
    known = methods(cell)
    request = sampled(cell, originals[0])
    learner = cell.learner
    whole = LEARNERS["BPR-MF"]  # what shards are compared with: one model of the whole log
    compared = whole if isinstance(learner, Sharded) else learner
    bench = set_up(originals, compared, request)
    for name in names:
        row = cell.asked(name) | {"size": request.size}
        try:
            yield row | {"status": "ok"} | _measure(cell, name, known[name], bench)
        except Refused as error:
            yield row | {"status": "refused", "error": str(error)}
        except Exception as error:  # a night's work goes on without it
            yield row | {"status": "failed", "error": f"{type(error).__name__}: {error}"}


def sampled(cell: Cell, original: Trained) -> ForgetRequest:
    """The request of a cell; memorised pairs are found by models of its own learner."""
    data = original.data
    assert isinstance(data, Interactions)
    return parse_forget_set(cell.request, data, original.task, cell.seed, cell.learner)


def _measure(cell: Cell, name: str, method: Any, bench: Bench) -> dict[str, Any]:
    retrain = bench.retraining
    found: dict[str, Any] = {"cpu_seconds": 0.0, "retrain_cpu_seconds": retrain.cpu_seconds}
    arm = {"none": bench.none, "floor": bench.floor}.get(name)
    if name == "floor":
        found["cpu_seconds"] = retrain.cpu_seconds
    if arm is None:
        turns, cost = unlearned(method, bench.none, bench.request, cell.parts)
        arm = [models[-1] for models in turns]
        found |= {"cpu_seconds": cost.cpu_seconds, "config": to_config(method)}
        found["ndcg_in_turn"] = [utility(bench, [model])["test_ndcg@20"] for model in turns[0]]
        if isinstance(method, Sharded):
            found |= of_shards(method, bench.none[0], bench.request)
            found["ndcg_before"] = utility(bench, bench.none)["test_ndcg@20"]
    return found | {"cost": found["cpu_seconds"] / retrain.cpu_seconds} | measured(bench, arm)


def identity(row: dict[str, Any]) -> str:
    """What a row measured, whatever came of it."""
    names = ("dataset", "model", "request", "parts", "seed", "method", "models", "learner")
    return json.dumps([row[name] for name in names], sort_keys=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", help="folder of the logs; else $GRAPHFORGET_DATA")
    parser.add_argument("--out", help="file of rows; results/recsys-forgetting[-quick].jsonl")
    parser.add_argument("--datasets", default="ml-100k")
    parser.add_argument("--models", type=int, default=16, help="models an arm")
    parser.add_argument("--seeds", type=int, default=1, help="splits and requests")
    parser.add_argument("--only", nargs="*", default=[], help="rows whose names match all of these")
    parser.add_argument("--quick", action="store_true", help="4 models, 4 epochs")
    parser.add_argument("--report", action="store_true", help="table only")
    options = parser.parse_args()
    if options.models < 4:
        raise UserError(f"--models: wanted at least 4, got {options.models}")
    if options.quick:
        options.models = 4
    if not options.out:
        options.out = f"results/recsys-forgetting{'-quick' if options.quick else ''}.jsonl"
    return options


if __name__ == "__main__":
    main()
