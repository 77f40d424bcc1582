"""What each method makes of a request for one single item, over a sample of such items.

One item is the request that comes most often and the one that a single draw says least about:
some items were never remembered, and rho divides by what little there was. So every draw has its
own retrained models, and rho is taken of the sums over all draws:
rho = sum(d(unlearned, retrained) - floor) / sum(d(original, retrained) - floor).

    python -m benchmarks.single_items --root DATA [--node cora,citeseer] [--link cora]
    python -m benchmarks.single_items --report

One JSON line a row; rows that are there are not measured again.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.arms import measured, set_up, unlearned
from benchmarks.kept import fit_kept
from benchmarks.rows import Row, finite, grouped, read_rows
from benchmarks.unlearning import SNAPSHOTS
from experiments.methods import label
from experiments.settings import Links, Nodes
from graphforget.audit import fit_many
from graphforget.core.files import append_line
from graphforget.data import load_graph
from graphforget.data.sample_text import parse_sample
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.protocols import Unlearner
from graphforget.unlearn import D2DGN, FineTune, Resume, Rewind, Unlink
from graphforget.unlearn.d2dgn import LABEL_FREE

METHODS: tuple[Unlearner, ...] = (
    Unlink(), D2DGN(), LABEL_FREE, Resume(0.02), Resume(0.1), FineTune(0.1), Rewind(0.1),
)
DRAWN = 1000  # seeds of the draws, away from those of the splits


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", help="folder of the data sets; else $GRAPHFORGET_DATA")
    parser.add_argument("--out", type=Path, default=Path("results/single-items.jsonl"))
    parser.add_argument("--node", default="cora,citeseer", help="data sets of node classification")
    parser.add_argument("--link", default="cora", help="data sets of link prediction")
    parser.add_argument("--draws", type=int, default=8, help="items, one request each")
    parser.add_argument("--models", type=int, default=3, help="models an arm")
    parser.add_argument("--keep", type=Path, help="folder that keeps trainings, for the next time")
    parser.add_argument("--only", default="", help="methods whose names match this")
    parser.add_argument("--report", action="store_true", help="the table only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.report:
        measure(options)
    print(table(read_rows(options.out)))


def measure(options: argparse.Namespace) -> None:
    """Append the rows that are not there yet."""
    done = {tuple(row[name] for name in IDENTITY) for row in read_rows(options.out)}
    fit = partial(fit_kept, options.keep) if options.keep else fit_many
    nodes = CrossEntropy(GCN(hidden=64, dropout=0.0), snapshots=SNAPSHOTS)
    links = CrossEntropy(GCN(hidden=128, dropout=0.0), 2000, 1e-3, 0.0, snapshots=SNAPSHOTS)
    problems: list[tuple[str, Nodes | Links, CrossEntropy, str]] = [
        *((name, Nodes(), nodes, "nodes:1") for name in filter(None, options.node.split(","))),
        *((name, Links(), links, "edges:1") for name in filter(None, options.link.split(","))),
    ]
    methods = {label(each): each for each in METHODS if re.search(options.only, label(each))}
    for dataset, setting, learner, text in problems:
        data, task = setting.prepare(load_graph(dataset, options.root), 0)
        originals = None
        for draw in tqdm(range(options.draws), desc=f"{dataset} {text}"):
            asked = {"dataset": dataset, "task": setting.name, "request": text, "draw": draw,
                     "models": options.models}
            missing = {name: each for name, each in methods.items()
                       if (*asked.values(), name) not in done}
            if not missing:
                continue
            originals = originals or fit(learner, data, task, range(options.models))
            request = parse_sample(text, data, task, DRAWN + draw, learner)
            bench = set_up(originals, learner, request, fit)
            for name, method in missing.items():
                models, cost = unlearned(method, originals, request)
                found = measured(bench, bench.arm(models))
                row = asked | {"method": name, "cost": cost.cpu_seconds
                               / bench.retraining.cpu_seconds}
                row |= {name: found[name] for name in ("distance", "none", "floor")}
                append_line(options.out, json.dumps(finite(row)))


IDENTITY = ("dataset", "task", "request", "draw", "models", "method")


def table(rows: Sequence[Row]) -> str:
    """Pooled rho by method, with a 95% interval over the draws, and the mean cost."""
    lines = ["| problem | method | draws | rho forgotten | rho ring | rho test | cost |",
             "|---|---|---|---|---|---|---|"]
    for (dataset, request, method), some in grouped(rows, "dataset", "request", "method").items():
        cells = [_interval(some, place) for place in ("forgotten", "ring", "test")]
        cost = sum(row["cost"] for row in some) / len(some)
        lines.append(f"| {dataset} {request} | {method} | {len(some)} | "
                     + " | ".join(cells) + f" | {cost:.4f} |")
    return "\n".join(lines)


def pooled(rows: Sequence[Row], place: str) -> float:
    """Rho of the sums over the draws.

    >>> row = {"distance": {"ring": 2.0}, "none": {"ring": 3.0}, "floor": {"ring": 1.0}}
    >>> pooled([row, row], "ring")
    0.5
    """
    here = [row for row in rows if row["distance"].get(place) is not None]
    left = sum(row["distance"][place] - row["floor"][place] for row in here)
    there = sum(row["none"][place] - row["floor"][place] for row in here)
    return left / there if there else float("nan")


def _interval(rows: Sequence[Row], place: str, resamples: int = 1000) -> str:
    chance = random.Random(0)
    drawn: list[Any] = sorted(
        pooled(chance.choices(rows, k=len(rows)), place) for _ in range(resamples)
    )
    low, high = drawn[resamples // 40], drawn[-resamples // 40]
    return f"{pooled(rows, place):.3f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
