"""What the Lightning Trainer costs on a full-batch graph, against a plain loop.

Both run the same objective with the same optimiser for the same number of epochs, in turns, on
one thread; the ratio is of the smallest CPU times. Wanted: at most 1.3.

    python benchmarks/lightning_cost.py [--data cora] [--root DIR] [--epochs 200] [--rounds 5]
"""

from __future__ import annotations

import argparse
import time

import torch

from graphforget.data import load_graph
from graphforget.learn import CrossEntropy
from graphforget.learn.trainer import descend
from graphforget.nn import GCN
from graphforget.task import NodeClassification


def plain_loop(model, objective, optimizer, steps, seed) -> None:
    """The same steps without Lightning."""
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        objective(model, generator).backward()
        optimizer.step()
    model.eval()


def cpu_seconds(loop, learner, data, task) -> float:
    """CPU seconds of one training run, set-up of the loop included."""
    model = learner.build(data, task, 0)
    objective = learner.objective(data, task, 0)
    optimizer = learner.optimizer(model.parameters())
    start = time.process_time()
    loop(model, objective, optimizer, learner.epochs, 0)
    return time.process_time() - start


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cora")
    parser.add_argument("--root", default=None)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = load_graph(given.data, given.root)
    task = NodeClassification.of(data)
    for encoder in (GCN(hidden=16), GCN(hidden=64)):
        learner = CrossEntropy(encoder=encoder, epochs=given.epochs)
        times = [
            tuple(cpu_seconds(loop, learner, data, task) for loop in (plain_loop, descend))
            for _ in range(given.rounds)
        ]
        plain, lightning = (min(column) for column in zip(*times, strict=True))
        print(
            f"{given.data} {encoder}: plain {plain:.2f} s, Lightning {lightning:.2f} s, "
            f"ratio {lightning / plain:.2f} ({given.epochs} epochs, CPU seconds, "
            f"min of {given.rounds})"
        )


if __name__ == "__main__":
    main()
