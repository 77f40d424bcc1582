"""Orders in which a shard's stages meet its slices (S3T, section 3 and algorithms 1 and 2).

The first slice decides how long an order lives, so orders that begin differently come first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from graphforget.core.errors import UserError

Order = tuple[int, ...]

TRIES = 1000
"""Draws for each order that is wanted, before sampling gives up finding another new one."""


def consecutive_rotations(slices: int, orders: int) -> tuple[Order, ...]:
    """The published choice: begin with slice 0, 1, 2, ... and go round (S3T, algorithm 1).

    Beyond L orders, each rotation keeps its first slice and what follows it is rotated in turn;
    shares differ by one order at most.

    >>> consecutive_rotations(4, 2)
    ((0, 1, 2, 3), (1, 2, 3, 0))
    >>> consecutive_rotations(3, 4)
    ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1))
    """
    _check(slices, orders)
    return _rotated(tuple(range(slices)), orders, lambda length, count: range(count))


def spaced_rotations(slices: int, orders: int) -> tuple[Order, ...]:
    """Our default: rotations that begin as far apart as can be.

    They live as long as consecutive ones and keep a fifth more data on the way, because two
    orders that begin side by side see nearly the same slices.

    >>> spaced_rotations(4, 2)
    ((0, 1, 2, 3), (2, 3, 0, 1))
    """
    _check(slices, orders)
    return _rotated(
        tuple(range(slices)), orders,
        lambda length, count: [place * length // count for place in range(count)],
    )


def matched_orders(
    prior: Sequence[float], orders: int, deletions: int | None = None
) -> tuple[Order, ...]:
    """Orders for slices of unequal risk (bipartite matching, S3T, algorithm 2).

    L orders, one beginning with every slice, grow by a slice at a time: each round assigns every
    order a slice that it lacks, every slice once, with the greatest sum of scores. The best are
    returned. A single order is better sorted by risk, and is.

    Args:
        prior: probability that a deletion falls in each slice, shape ``(L,)``.
        orders: how many, at most L.
        deletions: t of the score; by default L.

    >>> matched_orders([0.1, 0.6, 0.3], orders=1)
    ((0, 2, 1),)
    >>> matched_orders([0.1, 0.6, 0.3], orders=2)
    ((0, 1, 2), (2, 0, 1))
    """
    risk = checked_prior(prior)
    length = len(risk)
    _check(length, orders)
    if orders > length:
        raise UserError(f"orders: wanted at most {length} by matching, got {orders}; sample them")
    if orders == 1:
        return (tuple(np.argsort(risk, kind="stable").tolist()),)
    after = length if deletions is None else deletions
    grown: list[Order] = [(slice,) for slice in range(length)]
    for _ in range(length - 1):
        gain = np.array([
            [-np.inf if slice in order else score((*order, slice), risk, after)
             for slice in range(length)]
            for order in grown
        ])
        _, chosen = linear_sum_assignment(gain, maximize=True)
        grown = [(*order, int(slice)) for order, slice in zip(grown, chosen, strict=True)]
    best = sorted(grown, key=lambda order: -score(order, risk, after))
    return tuple(best[:orders])


def score(order: Order, prior: Sequence[float] | NDArray[np.float64], deletions: int) -> float:
    """The depth of each beginning times its chance to outlive ``deletions`` (S3T, equation 24).

    >>> score((0, 1), [0.25, 0.75], deletions=1)
    0.75
    """
    seen = np.cumsum(np.asarray(prior, dtype=float)[list(order)])
    alive = np.clip(1.0 - seen, 0.0, 1.0) ** deletions
    return float((np.arange(1, len(order) + 1) * alive).sum())


def sampled_orders(prior: Sequence[float], orders: int, seed: int) -> tuple[Order, ...]:
    """Orders drawn slice by slice, safer slices more likely to come early, no order twice.

    Args:
        prior: probability that a deletion falls in each slice, shape ``(L,)``.
        orders: how many.
        seed: of the draws.

    >>> len(set(sampled_orders([0.25] * 4, orders=10, seed=0)))
    10
    """
    risk = checked_prior(prior)
    _check(len(risk), orders)
    random = np.random.default_rng(seed)
    with np.errstate(divide="ignore"):
        weight = np.log1p(-np.minimum(risk, 1.0))
    drawn: dict[Order, None] = {}
    for _ in range(TRIES * orders):
        # Sorting by log weight plus Gumbel noise is drawing by weight without replacement.
        keys = weight + random.gumbel(size=len(risk))
        drawn[tuple(np.argsort(-keys, kind="stable").tolist())] = None
        if len(drawn) == orders:
            return tuple(drawn)
    raise UserError(f"orders: found {len(drawn)} different ones, not {orders}; ask for fewer")


def checked_prior(prior: Sequence[float]) -> NDArray[np.float64]:
    """The probabilities as an array.

    Raises:
        UserError: if they are none or do not add up to 1.
    """
    risk = np.asarray(prior, dtype=float)
    if risk.ndim != 1 or not len(risk) or not np.all(risk >= 0) or abs(risk.sum() - 1) > 1e-6:
        raise UserError(f"prior: wanted a probability for each slice, in sum 1, got {list(prior)}")
    return risk


def _rotated(
    slices: Order, count: int, begins: Callable[[int, int], Sequence[int] | Any]
) -> tuple[Order, ...]:
    length = len(slices)
    starts = begins(length, min(count, length))
    rotations = [slices[start:] + slices[:start] for start in starts]
    if count <= length:
        return tuple(rotations)
    shares = [count // length + (place < count % length) for place in range(length)]
    families = [
        [(one[0], *rest) for rest in _rotated(one[1:], share, begins)]
        for one, share in zip(rotations, shares, strict=True)
    ]
    rounds = range(max(shares))  # one of every family, then the second of every family, ...
    return tuple(family[turn] for turn in rounds for family in families if turn < len(family))


def _check(slices: int, orders: int) -> None:
    for name, count in (("slices", slices), ("orders", orders)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UserError(f"{name}: wanted a whole number from 1, got {count!r}")
    if slices < 20 and orders > math.factorial(slices):
        raise UserError(
            f"orders: {slices} slices have {math.factorial(slices)} orders, got {orders}; "
            "ask for fewer"
        )
