"""Deletions thrown at a plan by chance, to hold the formulas against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from graphforget.exact.levels import deciding, members, slice_risk
from graphforget.exact.plan import Plan

Counts = NDArray[np.float64]
"""Numbers of deletions; infinite for what never happens."""


def first_hits(plan: Plan, runs: int, seed: int, prior: Sequence[float] | None = None) -> Counts:
    """The deletion that first hits each slice, counted from 1 over all shards.

    Args:
        plan: the plan; every shard is as likely as another.
        runs: independent streams of deletions.
        seed: of the draws.
        prior: probability of each slice of a shard, shape ``(L,)``; by default alike.

    Returns:
        Shape ``(runs, m, L)``.

    >>> first_hits(Plan.chains(1, 3, orders=1), runs=1, seed=0)
    array([[[2., 1., 5.]]])
    """
    if runs < 1:
        raise UserError(f"runs: wanted at least 1, got {runs}")
    random = np.random.default_rng(seed)
    risk = slice_risk(plan, prior)
    chance = np.tile(risk / plan.shards, plan.shards)
    streams = [_first_draws(chance, random) for _ in range(runs)]
    return np.stack(streams).reshape(runs, plan.shards, plan.slices)


def lost(plan: Plan, hits: Counts, depth: int = 1) -> Counts:
    """The deletion that leaves each shard less than ``depth`` deep; at depth 1, dark.

    Args:
        plan: the plan.
        hits: from `first_hits`, shape ``(runs, m, L)``.
        depth: from 1 to L.

    Returns:
        Shape ``(runs, m)``; 0 where the plan has no stage so deep.
    """
    times = np.zeros(hits.shape[:-1])
    for stage in deciding(plan, depth):
        np.maximum(times, hits[..., members(stage)].min(axis=-1), out=times)
    return times


def first_and_last_dark(
    plan: Plan, runs: int, seed: int, prior: Sequence[float] | None = None
) -> tuple[Counts, Counts]:
    """Deletions until the first and until the last shard is dark, each of shape ``(runs,)``."""
    dark = lost(plan, first_hits(plan, runs, seed, prior))
    return dark.min(axis=1), dark.max(axis=1)


def simulated_depth(
    plan: Plan, deletions: int, runs: int, seed: int, prior: Sequence[float] | None = None
) -> Counts:
    """Mean depth of a shard after 0, 1, ..., ``deletions``, shape ``(deletions + 1,)``."""
    hits = first_hits(plan, runs, seed, prior)
    return np.sum(
        [outlived(lost(plan, hits, depth), deletions) for depth in range(1, plan.slices + 1)],
        axis=0,
    )


def outlived(times: Counts, deletions: int) -> Counts:
    """Share of ``times`` that lie beyond 0, 1, ..., ``deletions``.

    >>> outlived(np.array([1.0, 3.0]), deletions=3)
    array([1. , 0.5, 0.5, 0. ])
    """
    ordered = np.sort(times, axis=None)
    return 1 - np.searchsorted(ordered, np.arange(deletions + 1), side="right") / len(ordered)


def _first_draws(chance: NDArray[np.float64], random: np.random.Generator) -> Counts:
    """Draw cells until every one with a chance has come; when each came first, from 1."""
    upper = np.cumsum(chance) / chance.sum()
    first = np.full(len(chance), np.inf)
    drawn, batch = 0, int(len(chance) * (np.log(len(chance)) + 2)) + 1
    while np.isinf(first[chance > 0]).any():
        cells = np.searchsorted(upper, random.random(batch), side="right")
        cell, place = np.unique(cells, return_index=True)
        first[cell] = np.minimum(first[cell], drawn + place + 1)
        drawn += batch
    return first
