"""What a plan costs and how long it lasts, before anything is trained.

Every question is the same one: is one of some slice sets still unhit? Its probability is a sum of
signed terms over unions of the sets (inclusion and exclusion), exact wherever the unions are not
too many, and simulated from a seed where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.stats import binom

from graphforget.core.errors import UserError
from graphforget.exact.levels import deciding, members, slice_risk
from graphforget.exact.plan import Plan
from graphforget.exact.simulate import first_hits, lost, outlived
from graphforget.exact.unions import Floats, disjoint, unhit_terms

RUNS = 4000
"""Streams of a simulated curve: a standard error of at most 0.8 percentage points."""


def deletions_to_last_dark(plan: Plan, prior: Sequence[float] | None = None) -> float:
    """Expected deletions until every shard is dark; only then must all be trained again.

    For chains with B' different first slices and equal risks, mL times the harmonic number of
    mB' (S3T, lemma 1, made exact). Infinite with a public slice.

    Args:
        plan: the plan.
        prior: probability of each slice, shape ``(L,)``; by default alike.

    Raises:
        UserError: if the plan has too many overlapping subsets for a formula.

    >>> round(deletions_to_last_dark(Plan.chains(shards=5, slices=32, orders=4)))
    576
    """
    alive = _alive(plan, prior)
    if alive is None:
        return float("inf")
    with np.errstate(divide="ignore"):
        time = _integral(lambda x: float(-np.expm1(plan.shards * np.log1p(-alive(x)))))
    return plan.shards * plan.slices * time


def deletions_to_first_dark(plan: Plan, prior: Sequence[float] | None = None) -> float:
    """Expected deletions until the first shard is dark, which is what an operator feels.

    With one order it is L, however many shards there are.

    Args:
        plan: the plan.
        prior: probability of each slice, shape ``(L,)``; by default alike.

    Raises:
        UserError: if the plan has too many overlapping subsets for a formula.

    >>> round(deletions_to_first_dark(Plan.chains(shards=5, slices=32, orders=4)))
    154
    """
    alive = _alive(plan, prior)
    if alive is None:
        return float("inf")
    return plan.shards * plan.slices * _integral(lambda x: alive(x) ** plan.shards)


def draws_to_collect(chances: Sequence[float]) -> float:
    """Expected draws until each of several coupons has come at least once.

    Args:
        chances: probability of each coupon in a draw; the rest is a draw of none of them.

    >>> round(draws_to_collect([0.5, 0.5]), 6), round(draws_to_collect([0.9, 0.1]), 6)
    (3.0, 10.111111)
    """
    chance = np.asarray(chances, dtype=float)
    if not len(chance) or np.any(chance <= 0) or chance.sum() > 1 + 1e-9:
        raise UserError(f"chances: wanted positive probabilities, in sum at most 1, got {chances}")
    rates = chance / chance.mean()
    return _integral(lambda x: 1 - float(np.prod(-np.expm1(-rates * x)))) / float(chance.mean())


def survival(
    plan: Plan, hits: int, prior: Sequence[float] | None = None, seed: int = 0
) -> Floats:
    """Probability that a shard is still 1, 2, ..., L deep after 0, 1, ..., ``hits`` hits on it.

    Args:
        plan: the plan.
        hits: the last count of deletions from this shard.
        prior: probability of each slice, shape ``(L,)``; by default alike.
        seed: of the simulation, where there are too many unions for the exact sum.

    Returns:
        Shape ``(hits + 1, L)``.

    >>> survival(Plan.chains(1, 2, orders=1), hits=1).tolist()
    [[1.0, 1.0], [0.5, 0.0]]
    """
    risk = slice_risk(plan, prior)
    count = np.arange(hits + 1)
    curves: list[Floats] = []
    simulated = None
    for depth in range(1, plan.slices + 1):
        terms = unhit_terms(deciding(plan, depth), risk)
        if terms is None:
            if simulated is None:
                one_shard = Plan.chains(1, plan.slices, orders=1)
                simulated = first_hits(one_shard, RUNS, seed, risk.tolist())
            curves.append(outlived(lost(plan, simulated, depth), hits))
        else:
            union, sign = terms
            curves.append(np.array([(sign * (1 - union) ** after).sum() for after in count]))
    return np.clip(np.stack(curves, axis=1), 0.0, 1.0)


def retained_depth(
    plan: Plan, deletions: Sequence[int], prior: Sequence[float] | None = None, seed: int = 0
) -> Floats:
    """Mean depth of a shard after so many deletions from all shards; a dark one counts 0.

    Divided by L it is the share of the data that answers still rest on. Chains: lemma 2 of S3T,
    with the overlaps of the orders instead of independence.

    Args:
        plan: the plan.
        deletions: counts, shape ``(K,)``.
        prior: probability of each slice, shape ``(L,)``; by default alike.
        seed: of the simulation, where there is no exact sum.

    Returns:
        Shape ``(K,)``.

    >>> retained_depth(Plan.chains(1, 4, orders=4), deletions=[0, 1, 2, 3]).round(3).tolist()
    [4.0, 3.0, 2.0, 1.5]
    """
    return survival_after(plan, deletions, prior, seed).sum(axis=1)


def survival_after(
    plan: Plan, deletions: Sequence[int], prior: Sequence[float] | None = None, seed: int = 0
) -> Floats:
    """Probability that a shard is 1, ..., L deep after so many deletions from all shards.

    Deletions fall on every shard alike, so the hits on one of them are binomial.

    Args:
        plan: the plan.
        deletions: counts, shape ``(K,)``.
        prior: probability of each slice, shape ``(L,)``; by default alike.
        seed: of the simulation, where there is no exact sum.

    Returns:
        Shape ``(K, L)``.

    >>> survival_after(Plan.chains(shards=4, slices=1, orders=1), [0, 1]).tolist()
    [[1.0], [0.75]]
    """
    counts = np.asarray(deletions, dtype=np.int64)
    if counts.ndim != 1 or not len(counts) or counts.min() < 0:
        raise UserError(f"deletions: wanted a list of counts from 0, got {deletions}")
    mean = counts.max() / plan.shards
    hits = min(int(counts.max()), int(mean + 12 * np.sqrt(mean)) + 20)  # all but never more
    chances = binom.pmf(np.arange(hits + 1)[None, :], counts[:, None], 1 / plan.shards)
    return chances @ survival(plan, hits, prior, seed)


def training_cost(plan: Plan) -> float:
    """Instances that pass in one epoch of all stages, in units of the data set; m does not matter.

    B (L + 1) / 2 for B chains that share no beginning.

    >>> training_cost(Plan.chains(5, 4, orders=4)), training_cost(Plan.subsets(5, 4))
    (10.0, 8.0)
    """
    return sum(map(len, plan.stages)) / plan.slices


def repair_cost(plan: Plan, prior: Sequence[float] | None = None) -> float:
    """Expected training after one deletion, in the units of `training_cost`.

    (L + 1)(2L + 1) / 6Lm for each chain.

    >>> repair_cost(Plan.chains(2, 4, orders=1))
    0.9375
    """
    risk = slice_risk(plan, prior)
    dead = sum(len(path) * float(risk[list(path)].sum()) for path in plan.stages)
    return dead / plan.slices / plan.shards


def stored_stages(plan: Plan) -> int:
    """How many stages are kept, each with its weights and its head.

    >>> stored_stages(Plan.chains(5, 4, orders=2))
    40
    """
    return plan.shards * len(plan.stages)


def _alive(plan: Plan, prior: Sequence[float] | None) -> Callable[[float], float] | None:
    """The chance that a shard is not dark when every slice was asked x times on average.

    None where it never gets dark.
    """
    risk = slice_risk(plan, prior)
    sets = deciding(plan, depth=1)
    rates = plan.slices * np.array([risk[members(one)].sum() for one in sets])
    if np.any(rates == 0):
        return None
    if disjoint(sets):
        with np.errstate(divide="ignore"):
            return lambda x: float(-np.expm1(np.log1p(-np.exp(-rates * x)).sum())) if x else 1.0
    terms = unhit_terms(sets, risk)
    if terms is None:
        raise UserError(
            f"plan: {len(sets)} overlapping subsets are too many for a formula; simulate it, or "
            "take every subset, chains or fewer slices"
        )
    union, sign = terms
    return lambda x: min(1.0, max(0.0, float((sign * np.exp(-plan.slices * union * x)).sum())))


def _integral(function: Callable[[float], float]) -> float:
    """From 0 to infinity, in pieces, so that a peak beside 0 is not stepped over."""
    edges = [0.0, *np.geomspace(1e-7, 1e2, num=19)]
    pieces = sum(quad(function, low, high)[0] for low, high in pairwise(edges))
    return float(pieces + quad(function, edges[-1], np.inf)[0])
