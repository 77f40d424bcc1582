"""Samples a second of click training: ours, a tight plain loop, and a loader that yields rows.

All of them train the same model on the same rows, in turns, in one process on one thread. The plain
loops take batches by index_select and do nothing else. The row loader stands for the published
trainers: a Dataset of single rows, a DataLoader in this process with its default collate, dense
Adam, and the loss read at every step. Wanted: 0.8 of the plain loop with the same optimiser, 5
times the row loader.

    python -m benchmarks.click_training [--rounds 5] [--epochs 3] [--batch 4096] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from recsys.learn import ClickTraining, DenseAdam, LazyAdam
from recsys.learn.click_training import fit_click
from recsys.models import MLP, Backbone, ClickModel, DeepFM, FieldEmbedding
from recsys.table import ClickTable, Part

MOVIELENS = (943, 1682, 49_282, 1659, 216, 73, 2, 61, 21, 795, 24, 7, 213)
"""Values of MovieLens-100K's 13 fields."""

CRITEO = (50,) * 13 + tuple(int(n) for n in np.geomspace(4, 390_000, 26))
"""Values of 39 fields as Criteo's are spread; 1.06 million rows of embedding."""

Loop = Callable[[ClickModel, ClickTable, int, int], None]
"""Trains a model on a table for so many epochs of batches of such a size."""


def zipf_table(name: str, sizes: tuple[int, ...], rows: int, seed: int = 0) -> ClickTable:
    """Training rows whose ids follow a power law and whose labels are coins: for speed only."""
    draw = np.random.default_rng(seed)
    columns = {
        f"field_{number}": np.minimum(size ** draw.random(rows), size - 1).astype(np.int64)
        for number, size in enumerate(sizes)
    }
    return ClickTable.from_arrays(
        name, columns, draw.integers(2, size=rows), np.full(rows, Part.TRAIN),
        sizes={f"field_{number}": size for number, size in enumerate(sizes)},
    )


def ours(optimizer) -> Loop:
    """`fit_click`, with everything that belongs to it."""

    def loop(model: ClickModel, table: ClickTable, epochs: int, batch: int) -> None:
        fit_click(model, table, ClickTraining(8, epochs, 1, batch, optimizer=optimizer), seed=0)

    return loop


def plain(optimizers: Callable[[ClickModel], list], sparse: bool = False) -> Loop:
    """The least that a training loop can do."""

    def loop(model: ClickModel, table: ClickTable, epochs: int, batch: int) -> None:
        if sparse:
            model.embedding.forward = partial(_looked_up, model.embedding)
        rows = table.rows(Part.TRAIN)
        ids, label = table.take(rows), table.labels(rows)
        steps = optimizers(model)
        model.train()
        for _ in range(epochs):
            for place in torch.randperm(len(rows)).split(batch):
                loss = F.binary_cross_entropy_with_logits(model(ids[place]), label[place])
                for step in steps:
                    step.zero_grad()
                loss.backward()
                for step in steps:
                    step.step()

    return loop


def _looked_up(embedding: FieldEmbedding, ids: Tensor) -> Tensor:
    return F.embedding(ids + embedding.offsets, embedding.weight, sparse=True)


class _Rows(Dataset):
    def __init__(self, ids: Tensor, label: Tensor) -> None:
        self.ids, self.label = ids, label

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.ids[index], self.label[index]


def row_loader(model: ClickModel, table: ClickTable, epochs: int, batch: int) -> None:
    """A trainer in the style of published code, one row at a time."""
    rows = table.rows(Part.TRAIN)
    loader = DataLoader(_Rows(table.take(rows), table.labels(rows)), batch, shuffle=True)
    step, criterion = torch.optim.Adam(model.parameters(), lr=1e-3), nn.BCELoss()
    model.train()
    total = 0.0
    for _ in range(epochs):
        for ids, label in loader:
            loss = criterion(torch.sigmoid(model(ids)), label)
            model.zero_grad()
            loss.backward()
            step.step()
            total += loss.item()


def _fused(model: ClickModel) -> list:
    return [torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)]


def _unfused(model: ClickModel) -> list:
    return [torch.optim.Adam(model.parameters(), lr=1e-3)]


def _sparse(model: ClickModel) -> list:
    table = model.embedding.weight
    others = [weight for weight in model.parameters() if weight is not table]
    return [
        torch.optim.SparseAdam([table], lr=1e-3),
        torch.optim.Adam(others, lr=1e-3, fused=True),
    ]


LOOPS: dict[str, Loop] = {
    "row loader": row_loader,
    "plain, Adam": plain(_unfused),
    "plain, fused Adam": plain(_fused),
    "plain, SparseAdam": plain(_sparse, sparse=True),
    "ours, DenseAdam": ours(DenseAdam()),
    "ours, LazyAdam": ours(LazyAdam()),
}


def rate(loop: Loop, table: ClickTable, backbone: Backbone, epochs: int, batch: int) -> float:
    """Samples a CPU second of one training; the model is built outside of the clock."""
    model = ClickModel.of(table.fields, backbone, 8, seed=0)
    torch.manual_seed(0)
    begin = time.process_time()
    loop(model, table, epochs, batch)
    return epochs * table.num_rows / (time.process_time() - begin)


def main() -> None:
    """Print and perhaps write the rates and ratios of every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--rows", type=int, default=70_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    movielens = zipf_table("MovieLens-like", MOVIELENS, given.rows)
    criteo = zipf_table("Criteo-like", CRITEO, given.rows)
    found = []
    for table, backbone in ((movielens, MLP()), (movielens, DeepFM()), (criteo, DeepFM())):
        for loop in LOOPS.values():  # warm-up
            rate(loop, table, backbone, 1, given.batch)
        rates: dict[str, list[float]] = {name: [] for name in LOOPS}
        for _ in range(given.rounds):
            for name, loop in LOOPS.items():
                rates[name].append(rate(loop, table, backbone, given.epochs, given.batch))
        middle = {name: statistics.median(each) for name, each in rates.items()}
        dense = middle["ours, DenseAdam"] / middle["plain, fused Adam"]
        lazy = middle["ours, LazyAdam"] / middle["plain, SparseAdam"]
        best = max(middle["ours, DenseAdam"], middle["ours, LazyAdam"])
        size = sum(field.size for field in table.fields)
        print(f"{table.name}, {backbone}: {table.num_fields} fields, {size:,} rows of embedding")
        for name, value in middle.items():
            print(f"  {name:18} {value:>10,.0f} samples a CPU second")
        print(
            f"  DenseAdam / plain fused {dense:.2f}, LazyAdam / plain SparseAdam {lazy:.2f}, "
            f"DenseAdam / row loader {middle['ours, DenseAdam'] / middle['row loader']:.1f}, "
            f"best / row loader {best / middle['row loader']:.1f}"
        )
        found.append(
            {"table": table.name, "backbone": repr(backbone), "embedding_rows": size,
             "rates": middle, "dense_of_plain": dense, "lazy_of_plain": lazy,
             "best_of_row_loader": best / middle["row loader"]}
        )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
