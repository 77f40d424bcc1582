"""How much of what wrong labels cost a trained model comes back when it forgets them.

A GCN is trained on wrong labels (30% asymmetric, in training and validation). `Relabel` is told
which labels are wrong, all of them or those that ERASE suspects, and repairs the model; beside it
the labels only withdrawn, the nodes removed by D2DGN, and retraining on clean labels and on the
labels that the repair left. Written down: test accuracy (test labels are right), knowledge
recovery (0: nothing came back, 1: all) and CPU time in units of retraining on clean labels.
Finding suspects is not part of a repair's cost and has a row of its own.

    python -m benchmarks.label_repair [--dataset cora] [--noise asymmetric:0.3] [--seeds 5]

One JSON line a row; seeds that are there are not measured again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data

from benchmarks.rows import finite, grouped, read_rows
from graphforget.audit import Meter, knowledge_recovery
from graphforget.core.files import append_line
from graphforget.data import load_graph, split_nodes
from graphforget.data.noise import with_noise
from graphforget.data.noise_text import parse_noise
from graphforget.learn import ERASE, CrossEntropy, corrected_labels
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import D2DGN
from graphforget.unlearn.relabel import Relabel

CLEAN = 1000  # seeds of retrained models, away from those of originals
SURER = 0.3
LEARNER = CrossEntropy()


def main() -> None:
    """Measure what is missing, then print the table."""
    options = _options()
    torch.set_num_threads(1)
    out = Path(options.out)
    done = {(row["dataset"], row["noise"], row["finder"], row["seed"]) for row in read_rows(out)}
    for seed in range(options.seeds):
        asked = (options.dataset, options.noise, options.finder, seed)
        if asked in done:
            continue
        names = dict(zip(("dataset", "noise", "finder", "seed"), asked, strict=True))
        rows = list(measured(data_of(options, seed), options.noise, options.finder, seed))
        for row in rows:  # a seed is there as a whole or not at all
            append_line(out, json.dumps(finite(names | row)))
    print(table(read_rows(out)))


def data_of(options: argparse.Namespace, seed: int) -> Data:
    """The graph with clean labels and a split: the public one, or one drawn by the seed."""
    data = load_graph(options.dataset, options.root)
    return data if "train_mask" in data else split_nodes(data, seed)


def measured(data: Data, noise: str, finder: int, seed: int) -> Iterator[dict[str, Any]]:
    """One row an arm, for one draw of wrong labels.

    Args:
        data: with clean labels.
        noise: kind and rate.
        finder: epochs of the ERASE that finds suspects; 0 to leave them out.
        seed: of the draw and of all training.
    """
    task = NodeClassification.of(data)
    noisy = with_noise(data, parse_noise(noise), seed, validation=True)
    wrong = noisy.y != data.y
    replace(LEARNER, epochs=5).fit(data, task, seed)  # what is done once a process is done
    misled, _ = timed(lambda: LEARNER.fit(noisy, task, seed))
    clean, unit = timed(lambda: LEARNER.fit(data, task, CLEAN + seed))
    ends = [task.evaluate(each.model, data)["test_accuracy"] for each in (misled, clean)]

    def row(arm: str, trained: Trained, seconds: float, **more: float) -> dict[str, Any]:
        accuracy = task.evaluate(trained.model, trained.data)["test_accuracy"]
        recovery = knowledge_recovery(ends[0], accuracy, ends[1])
        return {"arm": arm, "accuracy": accuracy, "recovery": recovery,
                "cost": seconds / unit, **more}

    yield row("corrupted", misled, 0.0)
    yield row("retrained on clean labels", clean, unit)
    named = {"all wrong": wrong.nonzero().flatten()}
    if finder:
        model, seconds = timed(lambda: ERASE(epochs=finder).fit(noisy, task, seed))
        found = corrected_labels(model)
        named["suspects"] = found.node[found.suspects()]
        hits = wrong[named["suspects"]].float()
        yield row("finding suspects (ERASE itself)", model, seconds, named=hits.numel(),
                  precision=float(hits.mean()), recall=float(hits.sum() / wrong.sum()))
    for which, nodes in named.items():
        request = ForgetRequest("node", nodes)
        for label, method in (
            ("nodes removed", D2DGN()), ("labels withdrawn", Relabel(correct=False)),
            ("repaired with the surer labels", Relabel(minimum_confidence=SURER)),
            ("repaired", Relabel()),  # the last one's labels are retrained on
        ):
            after, seconds = timed(lambda: method(misled, request, seed))  # noqa: B023
            yield row(f"{which}: {label}", after, seconds, named=nodes.numel(),
                      **labels_of(after.data, data, nodes[data.train_mask[nodes]]))
        again, seconds = timed(lambda: LEARNER.fit(after.data, task, CLEAN + seed))  # noqa: B023
        yield row(f"{which}: retrained on the repaired labels", again, seconds)


def labels_of(after: Data, data: Data, nodes: torch.Tensor) -> dict[str, float]:
    """Share of training nodes ``(K,)`` that have a label, and of these labels that are right."""
    has = after.y[nodes] >= 0
    right = (after.y[nodes] == data.y[nodes])[has].float().mean()
    return {"labelled": float(has.float().mean()), "right": float(right)}


def timed(deed: Callable[[], Trained]) -> tuple[Trained, float]:
    """What a deed gives and its CPU seconds."""
    with Meter() as meter:
        result = deed()
    return result, meter.cost.cpu_seconds


def table(rows: list[dict[str, Any]]) -> str:
    """Mean of each arm over the seeds, with the standard deviation of its accuracy, as Markdown."""
    columns = ("recovery", "cost", "labelled", "right", "precision", "recall")
    lines = []
    for (dataset, noise, finder), some in grouped(rows, "dataset", "noise", "finder").items():
        seeds = len({row["seed"] for row in some})
        lines += [f"{dataset}, {noise}, {seeds} seeds, suspects found in {finder} epochs", "",
                  f"| | accuracy | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
        for (arm,), each in grouped(some, "arm").items():
            found = [row["accuracy"] for row in each]
            spread = statistics.stdev(found) if len(found) > 1 else 0.0
            means = [_mean([row.get(name) for row in each]) for name in columns]
            lines.append(f"| {arm} | {statistics.mean(found):.3f} ({spread:.3f}) | "
                         f"{' | '.join(means)} |")
        lines.append("")
    return "\n".join(lines)


def _mean(values: list[float | None]) -> str:
    there = [value for value in values if value is not None]
    return f"{statistics.mean(there):.2f}" if there else ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dataset", default="cora")
    parser.add_argument("--root", default=None, help="folder of the public graphs")
    parser.add_argument("--noise", default="asymmetric:0.3")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--finder", type=int, default=400, help="epochs of ERASE; 0 for none")
    parser.add_argument("--out", default="results/label-repair.jsonl")
    return parser.parse_args()


if __name__ == "__main__":
    main()
