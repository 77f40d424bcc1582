"""Deletions until the first and the last dark shard, simulated against the formulas."""

from __future__ import annotations

from benchmarks.rows import Row
from graphforget.exact.formulas import deletions_to_first_dark, deletions_to_last_dark
from graphforget.exact.plan import Plan
from graphforget.exact.simulate import first_and_last_dark

ORDERS = (1, 2, 4, 8, 16, 32)
SIZES = ((5, 32), (1000, 8))
"""Shards and slices."""


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


def table(rows: list[Row]) -> list[str]:
    """The rows in lines of markdown."""
    return [
        "Deletions until the first and the last shard is dark: simulated (formula, deviation).",
        "", "| shards x slices | orders | first dark | last dark |", "|---|---|---|---|",
        *(f"| {row['shards']} x {row['slices']} | {row['orders']} | {_against(row, 'first')} "
          f"| {_against(row, 'last')} |" for row in rows), "",
    ]


def _against(row: Row, name: str) -> str:
    formula = row[f"{name}_formula"]
    return f"{row[name]:.1f} ({formula:.1f}, {row[name] / formula - 1:+.1%})"
