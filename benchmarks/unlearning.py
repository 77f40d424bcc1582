"""What each method reaches for what it costs, measured against samples of retrained models.

For each problem, request and seed: N originals, N retrained and N further retrained models
(the noise floor), each trained as one batched program; then every method on every original.
Distances are normalised: rho = (d(unlearned, retrained) - floor) / (d(original, retrained) -
floor), so 0 is retraining and 1 is having done nothing. Cost is the CPU time of forgetting over
that of training one model again, both by themselves, on one thread, in the same run.

    python -m benchmarks.unlearning --quick                    a few minutes, nothing to download
    python -m benchmarks.unlearning [--root DIR] [--models 16] [--only PATTERN ...]

One JSON line a row, written as soon as it is known; rows that are there are not measured again.
Rows are named task/dataset/request/seed/method, and --only takes a regular expression of names.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.arms import Bench, Fit, measured, rerandomised, set_up, unlearned
from benchmarks.front import write_pictures, write_table
from benchmarks.kept import fit_kept
from benchmarks.rows import finite, read_rows
from experiments.methods import label, named, with_budgets
from experiments.settings import Links, Nodes, Setting
from graphforget.audit import fit_many
from graphforget.core.config import to_config
from graphforget.core.errors import Refused, UserError
from graphforget.core.files import append_line
from graphforget.data import load_graph
from graphforget.data.sample_text import parse_sample
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.trained import Trained
from graphforget.unlearn import Retrain

SNAPSHOTS = (0.5, 0.75, 0.9, 0.95, 0.98)  # one for each budget of Rewind
CONTROLS = ("none", "floor", "random weights")
REQUESTS = {
    "link": ("edges:2.5%:in", "edges:5%:in", "edges:2.5%:hub", "edges:2.5%:bridge", "edges:1:in"),
    "node": ("nodes:5%", "nodes:5%:hub", "nodes:5%:memorised", "class:0", "edges:2.5%", "nodes:1"),
}


@dataclass(frozen=True)
class Cell:
    """One request on one problem; the methods of a cell share their models."""

    dataset: str
    setting: Setting
    learner: CrossEntropy
    request: str
    seed: int
    models: int
    copies: int

    def name(self, method: str) -> str:
        """Name of a row."""
        return "/".join([self.setting.name, self.dataset, self.request, str(self.seed), method])

    def asked(self, method: str) -> dict[str, Any]:
        """The part of a row that says what was measured."""
        return {
            "task": self.setting.name, "dataset": self.dataset, "request": self.request,
            "seed": self.seed, "method": method, "models": self.models,
            "copies": self.copies, "learner": to_config(self.learner),
        }


def main() -> None:
    """Measure what is missing, then write the table and the pictures."""
    options = _options()
    torch.set_num_threads(1)
    out = Path(options.out)
    done = {identity(row) for row in read_rows(out)}
    todo = [
        (cell, [name for name in methods(cell, options)
                if all(re.search(only, cell.name(name)) for only in options.only)
                and identity(cell.asked(name)) not in done])
        for cell in cells(options)
    ]
    todo = [] if options.report else [(cell, names) for cell, names in todo if names]
    fit = partial(fit_kept, Path(options.keep)) if options.keep else fit_many
    originals: dict[tuple, list[Trained]] = {}
    with tqdm(total=sum(len(names) for _, names in todo), unit="row") as bar:
        for cell, names in todo:
            bar.set_description(cell.name(""))
            problem = cell.dataset, cell.setting, cell.learner, cell.seed
            if problem not in originals:
                originals = {problem: trained(cell, options.root, fit)}  # one problem at a time
            known = methods(cell, options)
            for row in measure_cell(cell, names, originals[problem], known, fit):
                append_line(out, json.dumps(finite(row)))
                bar.update()
    rows = read_rows(out)
    print(write_table(rows, out.with_suffix(".md")))
    print(write_pictures(rows, out.parent))


def cells(options: argparse.Namespace) -> Iterator[Cell]:
    """All cells; those with the same originals stand together."""
    links = CrossEntropy(GCN(hidden=128, dropout=0.0), options.link_epochs, options.link_rate, 0.0)
    nodes = CrossEntropy(GCN(hidden=64, dropout=options.dropout), options.node_epochs)
    plan = (
        (options.link, Links(normalise=not options.quick), links, options.seeds or 3),
        (options.node, Nodes(normalise=not options.quick), nodes, options.seeds or 5),
    )
    for datasets, setting, learner, seeds in plan:
        learner = replace(learner, snapshots=SNAPSHOTS)
        for dataset in filter(None, datasets.split(",")):
            for seed in range(seeds):
                for request in REQUESTS[setting.name]:
                    yield Cell(dataset, setting, learner, request, seed, options.models,
                               min(options.copies or options.models, options.models))


def methods(cell: Cell, options: argparse.Namespace) -> dict[str, tuple[str, Any]]:
    """The rows of a cell by method, with the family whose budgets belong together in a picture."""
    shares = [float(share) for share in options.shares.split(",")]
    found: dict[str, tuple[str, Any]] = {name: (name, None) for name in CONTROLS}
    for family, base in named().items():
        if not isinstance(base, Retrain):  # that is the floor
            for each in with_budgets([base], shares, cell.learner.epochs, not options.quick):
                found.setdefault(label(each), (family, each))
    return found


def trained(cell: Cell, root: str | None, fit: Fit) -> list[Trained]:
    """The originals of a cell."""
    data, task = cell.setting.prepare(load_graph(cell.dataset, root), cell.seed)
    return fit(cell.learner, data, task, range(cell.models))


def measure_cell(
    cell: Cell, names: list[str], originals: list[Trained], known: dict[str, tuple[str, Any]],
    fit: Fit,
) -> Iterator[dict[str, Any]]:
    """The rows of a cell, one after the other."""
    data, task = originals[0].data, originals[0].task
    try:
        request = parse_sample(cell.request, data, task, cell.seed, cell.learner)
    except UserError as error:
        for name in names:
            yield cell.asked(name) | {"status": "failed", "error": str(error)}
        return
    bench = set_up(originals, cell.learner, request, fit)
    for name in names:
        family, method = known[name]
        row = cell.asked(name) | {"family": family, "size": request.size}
        try:
            yield row | {"status": "ok"} | _measure(cell, name, method, bench)
        except Refused as error:
            yield row | {"status": "refused", "error": str(error)}
        except Exception as error:  # a night's work goes on without it
            words = f"{type(error).__name__}: {error}"
            yield row | {"status": "failed", "error": words}


def _measure(cell: Cell, name: str, method: Any, bench: Bench) -> dict[str, Any]:
    retrain = bench.retraining
    found: dict[str, Any] = {
        "cpu_seconds": 0.0, "peak_mb": 0.0,
        "retrain_cpu_seconds": retrain.cpu_seconds, "retrain_peak_mb": retrain.peak_mb,
    }
    if name == "none":
        arm = bench.none
    elif name == "floor":
        arm = bench.floor
        found |= {"cpu_seconds": retrain.cpu_seconds, "peak_mb": retrain.peak_mb}
    elif name == "random weights":
        arm = bench.arm(rerandomised(bench.none.models, cell.learner, bench.request))
    else:
        models, cost = unlearned(method, bench.none.models[: cell.copies], bench.request)
        arm = bench.arm(models)
        found |= {"cpu_seconds": cost.cpu_seconds, "peak_mb": cost.peak_mb}
        found["config"] = to_config(method)
    return found | {"cost": found["cpu_seconds"] / retrain.cpu_seconds} | measured(bench, arm)


def identity(row: dict[str, Any]) -> str:
    """What a row measured, whatever came of it."""
    names = ("task", "dataset", "request", "seed", "method", "models", "copies", "learner")
    return json.dumps([row[name] for name in names], sort_keys=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", help="folder of the data sets; else $GRAPHFORGET_DATA")
    parser.add_argument("--out", help="file of rows; results/unlearning[-quick].jsonl")
    parser.add_argument("--link", default="cora,pubmed", help="data sets of link prediction")
    parser.add_argument("--node", default="cora,citeseer,photo", help="of node classification")
    parser.add_argument("--models", type=int, default=16, help="models an arm")
    parser.add_argument("--copies", type=int, help="unlearn only so many of the originals")
    parser.add_argument("--keep", help="folder that keeps trainings, for the next time")
    parser.add_argument("--seeds", type=int, help="splits and requests; 3 for links, 5 for nodes")
    parser.add_argument("--link-epochs", type=int, default=2000)
    parser.add_argument("--link-rate", type=float, default=1e-3, help="learning rate for links")
    parser.add_argument("--node-epochs", type=int, default=200)
    parser.add_argument("--dropout", type=float, default=0.0, help="for node classification")
    parser.add_argument("--shares", default="0.02,0.05,0.1", help="budgets, besides the defaults")
    parser.add_argument("--only", nargs="*", default=[], help="rows whose names match all of these")
    parser.add_argument("--quick", action="store_true", help="digits, 4 models, 60 epochs, 1 seed")
    parser.add_argument("--report", action="store_true", help="table and pictures only")
    options = parser.parse_args()
    if options.quick:
        quick = {"link": "digits", "node": "digits", "models": 4, "seeds": 1, "link_epochs": 60,
                 "node_epochs": 60, "shares": "0.1"}
        for name, value in quick.items():
            setattr(options, name, value)
    if not options.out:
        options.out = f"results/unlearning{'-quick' if options.quick else ''}.jsonl"
    return options


if __name__ == "__main__":
    main()
