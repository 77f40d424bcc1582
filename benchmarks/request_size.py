"""How the cost of forgetting follows the size of the request.

Each method forgets 1 edge, 10 edges, 0.1%, 1% and 5% of the edges; its CPU time is divided by
that of training again. Retraining is not run to its end: its time is that of the first step plus
the time of one further epoch, measured over a stated number of epochs, times all epochs. The
model that forgets has been trained for that number of epochs only; how good it is makes no
difference to the clock. Methods whose budget is a share of the training cost that share whatever
the request, so they are measured at one budget; all others at their defaults too.

    python -m benchmarks.request_size --quick                 a minute, nothing to download
    python -m benchmarks.request_size [--root DIR] [--only PATTERN ...]

One JSON line a row (task/dataset/request/method); rows that are there are not measured again.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch_geometric.data import Data
from tqdm import tqdm

from benchmarks.arms import median
from benchmarks.rows import finite, grouped, read_rows
from experiments.methods import exported, label, with_budgets
from experiments.settings import Links, Nodes, Setting
from graphforget.audit import Cost, Meter
from graphforget.core.errors import Refused
from graphforget.core.files import append_line, write_atomically
from graphforget.data import load_graph
from graphforget.data.sample_text import parse_sample
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.protocols import Unlearner
from graphforget.task import Task
from graphforget.trained import Trained
from graphforget.unlearn import Retrain

SIZES = ("edges:1", "edges:10", "edges:0.1%", "edges:1%", "edges:5%")
SNAPSHOTS = (0.5, 0.75, 0.9, 0.95, 0.98)
QUICK_WORK = 2.0  # CPU seconds below which a method is timed three times


@dataclass(frozen=True)
class Problem:
    """A graph, a task and a training; its methods and sizes share one original."""

    dataset: str
    setting: Setting
    learner: CrossEntropy

    def name(self, request: str, method: str) -> str:
        """Name of a row."""
        return "/".join([self.setting.name, self.dataset, request, method])


@dataclass(frozen=True, eq=False)
class Retraining:
    """What training costs, estimated from some of its epochs."""

    cpu_seconds: float
    peak_mb: float
    epochs: int


def main() -> None:
    """Measure what is missing, then write the table and the pictures."""
    options = _options()
    torch.set_num_threads(1)
    out = Path(options.out)
    done = {row["name"] for row in read_rows(out)}
    todo = [
        (problem, [(size, method) for size in SIZES for method in methods(problem, options)
                   if problem.name(size, label(method)) not in done
                   and all(re.search(only, problem.name(size, label(method)))
                           for only in options.only)])
        for problem in problems(options)
    ]
    with tqdm(total=sum(len(pairs) for _, pairs in todo), unit="row") as bar:
        for problem, pairs in todo:
            for row in measure(problem, pairs, options) if pairs else ():
                append_line(out, json.dumps(finite(row)))
                bar.update()
    rows = read_rows(out)
    write_atomically(out.with_suffix(".md"), table(rows))
    picture(rows).savefig(out.with_suffix(".png"), dpi=150)
    print(out.with_suffix(".md"), out.with_suffix(".png"))


def problems(options: argparse.Namespace) -> Iterator[Problem]:
    """Link prediction, then node classification."""
    links = CrossEntropy(GCN(hidden=128, dropout=0.0), options.link_epochs, 1e-3, 0.0)
    nodes = CrossEntropy(GCN(hidden=64, dropout=0.0), options.node_epochs)
    for names, setting, learner in ((options.link, Links(), links), (options.node, Nodes(), nodes)):
        for dataset in filter(None, names.split(",")):
            yield Problem(dataset, setting, replace(learner, snapshots=SNAPSHOTS))


def methods(problem: Problem, options: argparse.Namespace) -> list[Unlearner]:
    """Every method at one budget; those that do not count in shares at their defaults too."""
    found = []
    for method in exported():
        by_share = hasattr(method, "share")
        found += with_budgets([method], [options.share], problem.learner.epochs,
                              defaults=not by_share and not options.quick)
    return [method for method in dict.fromkeys(found) if not isinstance(method, Retrain)]


def measure(
    problem: Problem, pairs: Sequence[tuple[str, Unlearner]], options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """The rows of a problem."""
    data, task = problem.setting.prepare(load_graph(problem.dataset, options.root), 0)
    retraining = estimated(problem.learner, data, task, options.measured)
    original = briefly_trained(problem.learner, data, task, options.measured)
    for size, method in pairs:
        request = parse_sample(size, data, task, seed=0)
        row = {
            "name": problem.name(size, label(method)), "task": problem.setting.name,
            "dataset": problem.dataset, "request": size, "size": request.size,
            "edges": data.edge_index.size(1) // 2, "method": label(method),
            "retrain_cpu_seconds": retraining.cpu_seconds,
            "retrain_epochs": problem.learner.epochs, "measured_epochs": retraining.epochs,
            "retrain_peak_mb": retraining.peak_mb,
        }
        try:
            cost = timed(lambda: method(original, request, seed=0))  # noqa: B023 (called at once)
        except Refused as error:
            yield row | {"status": "refused", "error": str(error)}
            continue
        except Exception as error:
            yield row | {"status": "failed", "error": f"{type(error).__name__}: {error}"}
            continue
        yield row | {
            "status": "ok", "cpu_seconds": cost.cpu_seconds, "seconds": cost.seconds,
            "peak_mb": cost.peak_mb, "cost": cost.cpu_seconds / retraining.cpu_seconds,
        }


def estimated(learner: CrossEntropy, data: Data, task: Task, measured: int) -> Retraining:
    """Cost of a whole training, from one of one epoch and one of ``measured`` epochs more."""
    first, more = (
        timed(lambda epochs=epochs: replace(learner, epochs=epochs).fit(data, task, 0))
        for epochs in (1, 1 + measured)
    )
    each = max(0.0, more.cpu_seconds - first.cpu_seconds) / measured
    return Retraining(
        first.cpu_seconds + each * (learner.epochs - 1), more.peak_mb, measured
    )


def briefly_trained(learner: CrossEntropy, data: Data, task: Task, epochs: int) -> Trained:
    """A model of a few epochs that passes for one that was trained to the end.

    Its snapshots are those of the short training, under the epochs of the long one.
    """
    short = replace(learner, epochs=epochs, snapshots=(1.0,)).fit(data, task, 0)
    (last,) = short.snapshots.values()
    snapshots = {round(share * learner.epochs): last for share in learner.snapshots}
    return Trained(short.model, data, task, learner, 0, short.optimizer, snapshots)


def timed(work: Callable[[], Any]) -> Cost:
    """Cost of some work; the median of three where it is quick."""
    costs: list[Cost] = []
    while len(costs) < 3:
        release_memory()
        with Meter() as meter:
            work()
        costs.append(meter.cost)
        if costs[0].cpu_seconds > QUICK_WORK:
            break
    return median(costs)


def release_memory() -> None:
    """Give freed memory back to the system, so that its next use shows in the peak."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Cost over retraining's by request size, and the largest peak of memory over training's."""
    parts = []
    for (task, dataset), some in grouped(rows, "task", "dataset").items():
        one = some[0]
        parts.append(
            f"## {task}, {dataset} ({one['edges']} edges)\n\nCPU time over that of retraining, "
            f"{one['retrain_cpu_seconds']:.1f} s for {one['retrain_epochs']} epochs, estimated "
            f"from {one['measured_epochs']} measured epochs. Training takes "
            f"{one['retrain_peak_mb']:.0f} MB more than the process holds.\n"
        )
        sizes = [size for size in SIZES if any(row["request"] == size for row in some)]
        parts.append("| method | " + " | ".join(sizes) + " | peak MB |")
        parts.append("|---" * (len(sizes) + 2) + "|")
        for (method,), mine in grouped(some, "method").items():
            by_size = {row["request"]: row for row in mine}
            peaks = [row["peak_mb"] for row in mine if row["status"] == "ok"]
            cells = [_cell(by_size.get(size)) for size in sizes]
            peak = f"{max(peaks):.0f}" if peaks else "–"
            parts.append(f"| {method} | " + " | ".join(cells) + f" | {peak} |")
        parts.append("")
    return "\n".join(parts)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    return f"{row['cost']:.2g}" if row["status"] == "ok" else row["status"]


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Cost over retraining's against the number of edges, a panel for each problem."""
    panels = grouped([row for row in rows if row["status"] == "ok"], "task", "dataset")
    figure = Figure(figsize=(1 + 5 * max(1, len(panels)), 4.5), layout="constrained")
    for place, ((task, dataset), some) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), place)
        for (method,), mine in grouped(some, "method").items():
            line = sorted((row["size"], row["cost"]) for row in mine)
            axes.loglog(*zip(*line, strict=True), "o-", markersize=3, linewidth=0.9, label=method)
        axes.axhline(1, color="green", linewidth=0.8, linestyle=":")
        axes.set_title(f"{task}, {dataset}")
        axes.set_xlabel("edges to forget")
        axes.set_ylabel("CPU time over retraining's")
        axes.legend(fontsize=6)
    return figure


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", help="folder of the data sets; else $GRAPHFORGET_DATA")
    parser.add_argument("--out", help="file of rows; results/request_size[-quick].jsonl")
    parser.add_argument("--link", default="cora,pubmed,cs,tolokers")
    parser.add_argument("--node", default="tolokers")
    parser.add_argument("--link-epochs", type=int, default=2000)
    parser.add_argument("--node-epochs", type=int, default=200)
    parser.add_argument("--measured", type=int, default=10, help="epochs of training to measure")
    parser.add_argument("--share", type=float, default=0.02, help="the one budget")
    parser.add_argument("--only", nargs="*", default=[], help="rows whose names match all of these")
    parser.add_argument("--quick", action="store_true", help="digits, 100 epochs")
    options = parser.parse_args()
    if options.quick:
        options.link = options.node = "digits"
        options.link_epochs = options.node_epochs = 100
    if not options.out:
        options.out = f"results/request_size{'-quick' if options.quick else ''}.jsonl"
    return options


if __name__ == "__main__":
    main()
