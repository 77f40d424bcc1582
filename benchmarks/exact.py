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
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Data
from tqdm import tqdm

from benchmarks.rows import finite, grouped, read_rows
from experiments.settings import Nodes
from graphforget.core.files import append_line, write_atomically
from graphforget.core.pool import LocalPool
from graphforget.data import load_graph
from graphforget.exact.formulas import deletions_to_first_dark, deletions_to_last_dark
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.hosts import Hosts, LocalHosts
from graphforget.exact.layout import create_system
from graphforget.exact.manifest import Manifest
from graphforget.exact.plan import Plan
from graphforget.exact.repair import Repairer
from graphforget.exact.service import Service
from graphforget.exact.simulate import first_and_last_dark
from graphforget.exact.stage_files import StageFiles
from graphforget.exact.train import train_all
from graphforget.exact.train_shard import train_shard
from graphforget.request import ForgetRequest

ORDERS = (1, 2, 4, 8, 16, 32)
SIZES = ((5, 32), (1000, 8))
"""Shards and slices of the simulations."""

KEY = bytes(range(32))
"""Of the journal of a service that lives for as long as the benchmark."""

Row = dict[str, Any]


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


def simulation(shards: int, slices: int, orders: int, runs: int) -> Row:
    """Mean deletions until the first and the last dark shard, and what the formulas say."""
    plan = Plan.chains(shards, slices, orders)
    first, last = first_and_last_dark(plan, runs, seed=0)
    return {
        "part": "simulation", "shards": shards, "slices": slices, "orders": orders, "runs": runs,
        "first": first.mean(), "first_error": first.std() / runs**0.5,
        "first_formula": deletions_to_first_dark(plan),
        "last": last.mean(), "last_error": last.std() / runs**0.5,
        "last_formula": deletions_to_last_dark(plan),
    }


def latency(options: argparse.Namespace, pool: str) -> Row:
    """Times of acknowledged deletions under predictions and repair, and of a suffix's training."""
    data, plan, recipe = _problem(options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "service"
        create_system(
            folder, Manifest(plan, recipe, hosts=options.hosts),
            lambda place: GraphSource.write(place, data, plan),
        )
        train_all(LocalPool(), folder)
        suffix = _suffix_seconds(data, plan, recipe)
        hosts = _hosts(pool, folder, options)
        started = time.perf_counter()
        try:
            with Service(folder, hosts, KEY) as service:
                opened = time.perf_counter() - started
                return {
                    "part": "latency", "pool": pool, "dataset": options.dataset,
                    "shards": plan.shards, "slices": plan.slices, "orders": options.orders,
                    "deletions": options.deletions, "open_seconds": opened,
                    "suffix_ms": 1e3 * suffix,
                } | _stream(service, data, options)
        finally:
            hosts.stop()


def growth(options: argparse.Namespace, shards: int) -> Row:
    """Memory and start-up of one host process with so many shards, and of its first answer."""
    data, _, recipe = _problem(options)
    plan = Plan.chains(shards, 2, 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "service"
        create_system(
            folder, Manifest(plan, recipe), lambda place: GraphSource.write(place, data, plan)
        )
        train_all(LocalPool(), folder)
        said = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.exact_host", str(folder)],
            check=True, capture_output=True, text=True,
        )
    return {"part": "growth", "dataset": options.dataset, "shards": shards} | json.loads(
        said.stdout.splitlines()[-1]
    )


def tables(rows: list[Row]) -> str:
    """The tables in markdown."""
    parts = grouped(rows, "part")
    text = ["# Exact forgetting", ""]
    if found := parts.get(("simulation",)):
        text += [
            "Deletions until the first and the last shard is dark: simulated (formula, deviation).",
            "", "| shards x slices | orders | first dark | last dark |", "|---|---|---|---|",
            *(f"| {row['shards']} x {row['slices']} | {row['orders']} | {_against(row, 'first')} "
              f"| {_against(row, 'last')} |" for row in found), "",
        ]
    if found := parts.get(("latency",)):
        text += [
            "Acknowledged deletions in ms while predictions are asked for and repair runs.", "",
            "| pool | data | p50 | p95 | longest | suffix anew, p50 | times as long | predictions "
            "(failed) | prediction p50 |", "|" + "---|" * 9,
            *(f"| {row['pool']} | {row['dataset']} | {row['p50_ms']:.1f} | {row['p95_ms']:.1f} | "
              f"{row['max_ms']:.1f} | {row['suffix_ms']:.0f} | "
              f"{row['suffix_ms'] / row['p50_ms']:.0f} | "
              f"{row['predictions']} ({row['failed']}) | {row['predict_p50_ms']:.0f} |"
              for row in found), "",
        ]
    if found := parts.get(("growth",)):
        text += [
            "One host process by its number of shards; MB resident (not shared with others).", "",
            "| shards | libraries | with the shards | peak | import s | start s | first answer s "
            "| next answer s |", "|" + "---|" * 8,
            *(f"| {row['shards']} | {_resident(row['libraries'])} | {_resident(row['host'])} | "
              f"{row['host']['peak']:.0f} | {row['import_seconds']:.1f} | "
              f"{row['open_seconds']:.2f} | {row['first_answer_seconds']:.2f} | "
              f"{row['next_answer_seconds']:.4f} |" for row in found), "",
        ]
    return "\n".join(text)


def _stream(service: Service, data: Data, options: argparse.Namespace) -> Row:
    """Delete one training node after the other while a thread predicts and another repairs."""
    generator = torch.Generator().manual_seed(0)
    nodes = data.train_mask.nonzero().view(-1)
    nodes = nodes[torch.randperm(len(nodes), generator=generator)[:options.deletions]].tolist()
    service.predict()
    repairer, ended = Repairer(service), threading.Event()
    asked: list[float] = []
    failures: list[str] = []

    def predict() -> None:
        while not ended.is_set():
            started = time.perf_counter()
            try:
                if not np.isfinite(service.predict()).all():
                    failures.append("numbers that are none")
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
            asked.append(time.perf_counter() - started)
            time.sleep(options.ask_every)

    thread = threading.Thread(target=predict)
    thread.start()
    repairer.start(every=1.0)
    times, unacknowledged = [], 0
    try:
        for node in nodes:
            started = time.perf_counter()
            receipt = service.forget(ForgetRequest("node", (node,), id=f"node-{node}"))
            times.append(time.perf_counter() - started)
            unacknowledged += not receipt.acknowledged
            time.sleep(options.every)
    finally:
        ended.set()
        thread.join()
        repairer.stop()
    repairer.once()
    p50, p95 = np.percentile(times, [50, 95])
    return {
        "p50_ms": 1e3 * p50, "p95_ms": 1e3 * p95, "max_ms": 1e3 * max(times),
        "unacknowledged": unacknowledged, "predictions": len(asked), "failed": len(failures),
        "failures": failures[:3], "predict_p50_ms": 1e3 * float(np.median(asked)),
        "repair_error": repairer.last_error,
    }


def _suffix_seconds(data: Data, plan: Plan, recipe: StackedStages, tries: int = 5) -> float:
    """Median time to train the suffix of one order anew after a deletion, as SISA does."""
    one = Plan.chains(plan.shards, plan.slices, 1, salt=plan.placement.salt)
    times = []
    with tempfile.TemporaryDirectory() as name:
        source = GraphSource.write(Path(name) / "source", data, one)
        files = StageFiles(Path(name) / "stages")
        train_shard(one, recipe, source, files, 0, seed=0)
        for turn in range(tries):
            ids = source.rows(0, (turn % one.slices,)).n_id
            source.forget(ForgetRequest("node", (int(ids[0]),)))
            started = time.perf_counter()
            train_shard(one, recipe, source, files, 0, seed=0)
            times.append(time.perf_counter() - started)
    return float(np.median(times))


def _problem(options: argparse.Namespace) -> tuple[Data, Plan, StackedStages]:
    data, task = Nodes(normalise=False).prepare(load_graph(options.dataset, options.root), 0)
    plan = Plan.chains(options.shards, options.slices, options.orders)
    return data, plan, StackedStages(task.out_channels, epochs=options.epochs)


def _hosts(pool: str, folder: Path, options: argparse.Namespace) -> Hosts:
    if pool == "local":
        return LocalHosts(folder)
    from graphforget.exact.actors import RayHosts

    return RayHosts(folder, num_cpus=options.num_cpus)


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


def _against(row: Row, name: str) -> str:
    formula = row[f"{name}_formula"]
    return f"{row[name]:.1f} ({formula:.1f}, {row[name] / formula - 1:+.1%})"


def _resident(memory: Row) -> str:
    return f"{memory['rss']:.0f} ({memory['uss']:.0f})"


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
