"""``graphforget s3t plan``: what a plan costs and how long it lasts, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import new_parser
from graphforget.commands.plans import add_plan, plan_of
from graphforget.commands.s3t_choices import add_choices, check_public, choices_of, chosen
from graphforget.commands.screen import columns, listing, show
from graphforget.core.errors import UserError
from graphforget.exact.formulas import (
    deletions_to_first_dark,
    deletions_to_last_dark,
    repair_cost,
    stored_stages,
    survival_after,
    training_cost,
)
from graphforget.exact.plan import Plan

SHOWN = (0, *(2**power for power in range(13)))
"""Rows of the table, up to where hardly any data is left."""

NEARLY_DARK = 0.05


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t plan",
        "Print how deep shards stay after deletions without repair, deletions until the first and "
        "the last shard is dark, and the cost of training, repair and storage.",
    )
    add_plan(options)
    add_choices(options)
    options.add_argument(
        "--nodes", type=int, default=None, help="number of items, to say how many share a slice"
    )
    return options


def run(options: Namespace) -> int:
    """Compute and print."""
    choices = choices_of(options)
    plan = chosen(plan_of(options), choices, options.orders, options.subsets)
    if options.nodes is not None:
        check_public(choices.public, options.nodes)
        plan.check(options.nodes)
    result = forecast(plan, options.nodes, choices.prior)
    show(result, _text(result), options.json)
    return 0


def forecast(
    plan: Plan, nodes: int | None = None, prior: Sequence[float] | None = None
) -> dict[str, Any]:
    """All that the verb prints, ready for JSON.

    Args:
        plan: the plan.
        nodes: number of items.
        prior: probability that a deletion falls in each slice, shape ``(L,)``; by default alike.

    >>> told = forecast(Plan.chains(shards=1, slices=4, orders=4), nodes=400)
    >>> told["curve"][1]
    {'deletions': 1, 'depth': 3.0, 'retained': 0.75, 'dark': 0.0}
    >>> told["training_cost"], told["nodes_per_slice"]
    (10.0, 100.0)
    """
    alive = survival_after(plan, SHOWN, prior)
    curve = [
        {
            "deletions": count,
            "depth": round(float(chances.sum()), 4),
            "retained": round(float(chances.sum()) / plan.slices, 4),
            "dark": abs(round(plan.shards * (1 - float(chances[0])), 4)),
        }
        for count, chances in zip(SHOWN, alive, strict=True)
    ]
    floor = max(NEARLY_DARK, curve[-1]["retained"])  # a public slice is never lost
    worth_showing = 1 + sum(row["retained"] > floor for row in curve)
    result: dict[str, Any] = {
        "shards": plan.shards,
        "slices": plan.slices,
        "paths": len(plan.paths),
        "chained": plan.chained,
        "curve": curve[:worth_showing],
        "training_cost": training_cost(plan),
        "repair_cost": repair_cost(plan, prior),
        "stages_per_shard": len(plan.stages),
        "stages": stored_stages(plan),
    }
    try:
        for name, count in (("first", deletions_to_first_dark(plan, prior)),
                            ("last", deletions_to_last_dark(plan, prior))):
            result[f"deletions_to_{name}_dark"] = count if math.isfinite(count) else None
    except UserError:  # no formula for this family; the curve is there all the same
        pass
    if nodes is not None:
        result["nodes_per_slice"] = nodes / plan.shards / plan.slices
    return result


def _text(result: dict[str, Any]) -> str:
    kind = "chains of stages along orders" if result["chained"] else "models on subsets"
    head = ["deletions", "mean depth", "data kept", "dark shards"]
    rows = [
        [str(row["deletions"]), f"{row['depth']:.2f}", f"{row['retained']:.1%}",
         f"{row['dark']:.2f}"]
        for row in result["curve"]
    ]
    facts = {
        "training": f"{result['training_cost']:.2f} times the data, per epoch "
        "(one model a shard on all its slices: 1.00)",
        "repair after a deletion": f"{result['repair_cost']:.4f} times the data, per epoch",
        "stages to store": f"{result['stages']} ({result['stages_per_shard']} a shard)",
    }
    if "deletions_to_first_dark" in result:
        facts = {
            f"deletions to the {name} dark shard": _count(result[f"deletions_to_{name}_dark"])
            for name in ("first", "last")
        } | facts
    if "nodes_per_slice" in result:
        facts["items in a slice, on average"] = f"{result['nodes_per_slice']:.1f}"
    return (
        f"{result['shards']} shards of {result['slices']} slices, {result['paths']} {kind}\n\n"
        f"without repair:\n{columns([head, *rows])}\n\n{listing(facts)}"
    )


def _count(deletions: float | None) -> str:
    return "no number is enough" if deletions is None else f"{deletions:.1f}"
