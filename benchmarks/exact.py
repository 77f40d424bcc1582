"""Exact forgetting: do the formulas hold, how quick is a deletion, and how does a host grow?

Three parts, each one or several rows of a JSON-lines file; rows that are there are not measured
again, and the tables are made from the file alone.

    python -m benchmarks.exact --quick                  a minute or two, nothing to download
    python -m benchmarks.exact [--parts simulation latency growth] [--pools local ray] [--root DIR]

*simulation*: deletions until the first and the last dark shard, simulated against the formulas.
*latency*: a stream of deletions while predictions are asked for and repair runs beside it; in the
same process, what training the suffix of an order anew takes, as SISA would.
*growth*: memory and start-up of one host process, by its number of shards.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks import exact_growth, exact_latency, exact_simulation
from benchmarks.exact_growth import growth
from benchmarks.exact_latency import latency
from benchmarks.exact_simulation import ORDERS, SIZES, simulation
from benchmarks.rows import Row, finite, grouped, read_rows
from graphforget.core.files import append_line, write_atomically

TABLES = {
    "simulation": exact_simulation.table, "latency": exact_latency.table,
    "growth": exact_growth.table,
}


def main() -> None:
    """Measure what is missing, then write the tables."""
    options = _options()
    torch.set_num_threads(1)
    out = Path(options.out)
    done = {row["name"] for row in read_rows(out)}
    todo = [(name, work) for name, work in _work(options) if name not in done]
    for name, work in tqdm(todo, unit="row"):
        append_line(out, json.dumps({"name": name} | finite(work())))
    write_atomically(out.with_suffix(".md"), tables(read_rows(out)))
    print(out.with_suffix(".md"))


def tables(rows: list[Row]) -> str:
    """The tables in markdown."""
    parts = grouped(rows, "part")
    text = ["# Exact forgetting", ""]
    for part, table in TABLES.items():
        text += table(parts[part,]) if (part,) in parts else []
    return "\n".join(text)


def _work(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Row]]]:
    if "simulation" in options.parts:
        for (m, slices), orders in ((size, b) for size in SIZES for b in ORDERS):
            runs = options.runs
            yield (
                f"simulation/{m}x{slices}/{orders}/{runs}",
                lambda m=m, s=slices, b=orders, n=runs: simulation(m, s, b, n),
            )
    if "latency" in options.parts:
        for pool in options.pools:
            name = f"latency/{pool}/{options.dataset}/{options.deletions}"
            yield name, lambda pool=pool: latency(options, pool)
    if "growth" in options.parts:
        for shards in options.growth:
            yield (
                f"growth/{options.dataset}/{shards}",
                lambda shards=shards: growth(options, shards),
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=["simulation", "latency", "growth"])
    parser.add_argument("--pools", nargs="+", default=["local", "ray"], choices=["local", "ray"])
    parser.add_argument("--dataset", default="cora")
    parser.add_argument("--root")
    parser.add_argument("--out", help="JSON lines; by default in results/")
    parser.add_argument("--runs", type=int, default=4000, help="streams of a simulation")
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--slices", type=int, default=4)
    parser.add_argument("--orders", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--hosts", type=int, default=2)
    parser.add_argument("--num-cpus", type=int, default=4, help="that a local Ray may deal out")
    parser.add_argument("--deletions", type=int, default=100)
    parser.add_argument("--every", type=float, default=0.1, help="seconds between deletions")
    parser.add_argument("--ask-every", type=float, default=0.02, help="seconds after an answer")
    parser.add_argument("--growth", nargs="+", type=int, default=[4, 8, 16, 32, 64])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.dataset, options.runs, options.pools = "digits", 20, ["local"]
        options.epochs, options.deletions, options.growth = 5, 10, [4, 16]
        options.out = options.out or "results/exact-quick.jsonl"
    options.out = options.out or "results/exact.jsonl"
    return options


if __name__ == "__main__":
    main()
