"""A stream of deletions while predictions are asked for and repair runs beside it.

In the same process: what training the suffix of an order anew takes, as SISA would.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Data

from benchmarks.exact_problem import problem, service_folder
from benchmarks.rows import Row
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.hosts import Hosts, LocalHosts
from graphforget.exact.plan import Plan
from graphforget.exact.ray_hosts import RayHosts
from graphforget.exact.repair import Repairer
from graphforget.exact.service import Service
from graphforget.exact.stage_files import StageFiles
from graphforget.exact.train_shard import train_shard
from graphforget.request import ForgetRequest

KEY = bytes(range(32))
"""Of the journal of a service that lives for as long as the benchmark."""


def latency(options: argparse.Namespace, pool: str) -> Row:
    """Times of acknowledged deletions under predictions and repair, and of a suffix's training."""
    data, recipe = problem(options)
    plan = Plan.chains(options.shards, options.slices, options.orders)
    with service_folder(data, plan, recipe, options.hosts) as folder:
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


def table(rows: list[Row]) -> list[str]:
    """The rows in lines of markdown."""
    return [
        "Acknowledged deletions in ms while predictions are asked for and repair runs.", "",
        "| pool | data | p50 | p95 | longest | suffix anew, p50 | times as long | predictions "
        "(failed) | prediction p50 |", "|" + "---|" * 9,
        *(f"| {row['pool']} | {row['dataset']} | {row['p50_ms']:.1f} | {row['p95_ms']:.1f} | "
          f"{row['max_ms']:.1f} | {row['suffix_ms']:.0f} | "
          f"{row['suffix_ms'] / row['p50_ms']:.0f} | "
          f"{row['predictions']} ({row['failed']}) | {row['predict_p50_ms']:.0f} |"
          for row in rows), "",
    ]


def _stream(
    service: Service, data: Data, options: argparse.Namespace
) -> dict[str, Any]:
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


def _hosts(pool: str, folder: Path, options: argparse.Namespace) -> Hosts:
    if pool == "local":
        return LocalHosts(folder)
    return RayHosts(folder, num_cpus=options.num_cpus)
