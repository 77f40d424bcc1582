"""Tables of forgetting in recommenders, a pure function of the rows of `benchmarks.recsys`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import Row, grouped

COLUMNS = {
    "cost": "cost",
    "NDCG@20": "test_ndcg@20",
    "retrained": "oracle_test_ndcg@20",
    "KL F": "kl_forgotten",
    "KL R": "kl_retained",
    "shift F": "shift_forgotten",
    "U-LiRA F": "attack_forgotten",
    "U-LiRA R": "attack_retained",
    "excess": "excess",
    "TPR@5%": "tpr_5",
    "MIA": "population",
    "MIA retrained": "population_oracle",
    "fold-in": "fold_in",
    "fold-in R": "fold_in_retained",
    "lists": "lists",
    "floor": "lists_floor",
    "worst decile": "worst_decile",
    "max weight": "weights_apart",
    "shards hit": "shards_hit",
    "s shards": "shard_cpu_seconds",
    "s aggregator": "aggregator_cpu_seconds",
}
"""Heads of the columns, and the fields of rows that are shown under them."""


def write_table(rows: Sequence[Row], path: Path) -> str:
    """Write one table a log, model and request, means over seeds, and return the text."""
    parts = []
    there = [row for row in rows if row["status"] == "ok"]
    for (dataset, model, request, turns), some in grouped(
        there, "dataset", "model", "request", "parts"
    ).items():
        in_turn = f", in {turns} requests" if turns > 1 else ""
        parts.append(f"## {dataset}, {model}: {request}{in_turn}\n\n{_table(some)}")
    others = [f"- {row['model']} {row['request']} {row['method']}: {row['error']}"
              for row in rows if row["status"] != "ok"]
    if others:
        parts.append("## Refused or failed\n\n" + "\n".join(others))
    text = "\n\n".join(parts) + "\n"
    path.write_text(text)
    return text


def _table(rows: Sequence[Row]) -> str:
    shown = {head: field for head, field in COLUMNS.items()
             if any(row.get(field) is not None for row in rows)}
    lines = ["| method | " + " | ".join(shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for (method,), some in grouped(rows, "method").items():
        found = [_mean([row.get(field) for row in some]) for field in shown.values()]
        lines.append(f"| {method} | " + " | ".join(found) + " |")
    return "\n".join(lines)


def _mean(values: Sequence[float | None]) -> str:
    there = [value for value in values if value is not None]
    if not there:
        return ""
    mean = statistics.fmean(there)
    return f"{mean:.3f}" if abs(mean) >= 5e-4 or mean == 0 else f"{mean:.1e}"
