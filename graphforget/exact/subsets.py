"""Families of slice subsets, for models that are small enough to stand alone.

A chain's stages are tied to the ones before; independent models can be trained on any subsets.
After some hits the largest subset without a hit slice is served, so a family is good if it holds
a large live subset whatever was hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from graphforget.exact.orders import checked_prior

Subset = tuple[int, ...]

LARGEST = 16
"""Slices for which all subsets can be gone through: there are two to their power."""


def leave_out(slices: int, most: int) -> tuple[Subset, ...]:
    """All slices together, and every subset that lacks at most ``most`` of them.

    >>> leave_out(3, most=1)
    ((0, 1, 2), (0, 1), (0, 2), (1, 2))
    """
    if not 0 <= most < slices:
        raise UserError(f"leave out: wanted from 0 to {slices - 1} slices, got {most}")
    sizes = range(slices, slices - most - 1, -1)
    return tuple(subset for size in sizes for subset in combinations(range(slices), size))


def every_subset(slices: int) -> tuple[Subset, ...]:
    """All subsets but the empty one, larger ones first.

    At four slices they cost less to train than four chains and keep as much data or more.

    >>> every_subset(2)
    ((0, 1), (0,), (1,))
    """
    _check_small(slices)
    return leave_out(slices, most=slices - 1)


def chosen_subsets(
    slices: int, cost: float, hits: Sequence[float] | None = None,
    prior: Sequence[float] | None = None,
) -> tuple[Subset, ...]:
    """The subsets that keep most data for what their training may cost.

    Begins with all slices together and adds, one at a time, the subset that raises the expected
    retained data most for its size.

    Args:
        slices: L, at most 16.
        cost: what may be spent; a model of all slices costs 1, others their share of the slices.
        hits: how much retained data counts after 0, 1, 2, ... deletions; by default after each of
            0 to L alike. Where repairs are quick, weigh the first few.
        prior: probability that a deletion falls in each slice, shape ``(L,)``; by default alike.

    Raises:
        UserError: for too many slices, or a cost that does not pay for all slices together.

    >>> chosen_subsets(2, cost=1.5)
    ((0, 1), (0,))
    """
    _check_small(slices)
    if cost < 1:
        raise UserError(f"cost: wanted at least 1, the price of all slices together, got {cost}")
    weights = np.ones(slices + 1) if hits is None else np.asarray(hits, dtype=float)
    if weights.ndim != 1 or not len(weights) or np.any(weights < 0) or not weights.any():
        raise UserError(f"hits: wanted weights for 0, 1, 2, ... deletions, got {hits}")
    risk = np.full(slices, 1 / slices) if prior is None else checked_prior(prior)
    if len(risk) != slices:
        raise UserError(f"prior: wanted {slices} probabilities, got {len(risk)}")
    importance = sum(
        weight * states for weight, states in zip(weights, hit_states(risk, len(weights) - 1),
                                                  strict=True)
    )
    return _greedy(slices, cost, np.asarray(importance))


def hit_states(prior: NDArray[np.float64], hits: int) -> list[NDArray[np.float64]]:
    """Probability of every set of hit slices after 0, 1, ..., ``hits`` deletions.

    Args:
        prior: probability that a deletion falls in each slice, shape ``(L,)``.
        hits: the last count that is asked for.

    Returns:
        An array of shape ``(2^L,)`` for each count, indexed by the set's bits.

    >>> [states.tolist() for states in hit_states(np.array([0.5, 0.5]), hits=1)]
    [[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]]
    """
    sets = np.arange(1 << len(prior))
    states = [np.where(sets == 0, 1.0, 0.0)]
    for _ in range(hits):
        after = np.zeros(len(sets))
        for slice, probability in enumerate(prior):
            holds = sets & (1 << slice) != 0
            after[holds] += probability * (states[-1][holds] + states[-1][~holds])
        states.append(after)
    return states


def _greedy(slices: int, cost: float, importance: NDArray[np.float64]) -> tuple[Subset, ...]:
    """Grow the family; ``importance`` of every set of hit slices has shape ``(2^L,)``."""
    sets = np.arange(1 << slices)
    size = np.array([one.bit_count() for one in range(len(sets))])
    everything = len(sets) - 1
    chosen = [everything]
    best = np.where(sets == 0, slices, 0)  # the largest live subset for every set of hit slices
    left = cost * slices - slices + 1e-9
    while True:
        gain = np.zeros(len(sets))
        for wanted in range(1, min(slices - 1, int(left)) + 1):
            improved = _within(importance * np.maximum(0, wanted - best), slices)
            here = size == wanted
            gain[here] = improved[everything - sets[here]] / wanted
        pick = int(np.argmax(gain))
        if gain[pick] <= 1e-12:
            break
        chosen.append(pick)
        left -= int(size[pick])
        alive = sets & pick == 0
        best[alive] = np.maximum(best[alive], size[pick])
    subsets = [tuple(slice for slice in range(slices) if one >> slice & 1) for one in chosen]
    return tuple(sorted(subsets, key=lambda subset: (-len(subset), subset)))


def _within(values: NDArray[np.float64], slices: int) -> NDArray[np.float64]:
    """For every set, the sum of ``values`` over all sets within it."""
    total = values.reshape((2,) * slices).copy()
    for axis in range(slices):
        total = np.cumsum(total, axis=axis)
    return total.reshape(-1)


def _check_small(slices: int) -> None:
    if isinstance(slices, bool) or not isinstance(slices, int) or not 1 <= slices <= LARGEST:
        raise UserError(
            f"slices: wanted 1 to {LARGEST} to go through all subsets, got {slices!r}; "
            "take leave_out or chains"
        )
