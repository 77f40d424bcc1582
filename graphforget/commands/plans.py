"""Plans by options: shards, slices, and orders or subsets of them."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from graphforget.core.errors import UserError
from graphforget.exact.plan import Plan
from graphforget.exact.subsets import chosen_subsets

MOST_SHARDS, MOST_SLICES, MOST_ORDERS = 100_000, 64, 256


def add_plan(options: ArgumentParser) -> None:
    """Add the options that make a plan."""
    options.add_argument("--shards", type=int, default=4, help="m, disjoint parts of the data")
    options.add_argument("--slices", type=int, default=4, help="L, disjoint parts of a shard")
    options.add_argument(
        "--orders", type=int, default=None,
        help="B, chains of stages along evenly spaced rotations of the slices; by default L",
    )
    options.add_argument(
        "--subsets", type=float, default=None,
        help="instead of chains: models of their own on subsets of the slices that together cost "
        "at most so much, where one model of all slices costs 1; B chains cost B (L + 1) / 2",
    )


def plan_of(options: Namespace, salt: str = "graphforget") -> Plan:
    """The plan that the options of `add_plan` name.

    Raises:
        UserError: for numbers out of range, or orders and subsets at once.
    """
    shards, slices, orders, cost = (
        options.shards, options.slices, options.orders, options.subsets,
    )
    for name, count, most in (
        ("shards", shards, MOST_SHARDS), ("slices", slices, MOST_SLICES),
        ("orders", 1 if orders is None else orders, MOST_ORDERS),
    ):
        if not 1 <= count <= most:
            raise UserError(f"--{name}: wanted 1 to {most}, got {count}")
    if cost is None:
        return Plan.chains(shards, slices, slices if orders is None else orders, salt)
    if orders is not None:
        raise UserError("--subsets: a plan is chains or subsets; leave out --orders or --subsets")
    return Plan.subsets(shards, slices, chosen_subsets(slices, cost), salt)
