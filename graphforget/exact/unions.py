"""The chance that one of some slice sets is still unhit, as a sum of signed terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphforget.exact.levels import members

MOST_UNIONS = 1 << 16
"""Different unions of slice sets, beyond which a curve is simulated."""

MOST_BITS = 62
"""Slices whose sets fit a machine word."""

LARGEST_SIGN = 1e9
"""Of terms that cancel: beyond it, the sum would be known to fewer than six digits."""

Floats = NDArray[np.float64]
Terms = tuple[Floats, Floats]
"""Risks of unions and their signed coefficients: P(some set unhit after r) = sum c (1 - risk)^r."""


def unhit_terms(sets: Sequence[int], risk: Floats) -> Terms | None:
    """Inclusion and exclusion over unions of slice sets.

    Args:
        sets: each as the bits of its slices.
        risk: probability that a deletion falls in each slice, shape ``(L,)``.

    Returns:
        None if there are too many different unions, or their signs so large that a sum would lose
        its digits.

    >>> risks, signs = unhit_terms([1, 2], np.array([0.25, 0.75]))
    >>> risks.tolist(), signs.tolist()
    ([0.25, 0.75, 1.0], [1.0, 1.0, -1.0])
    """
    if disjoint(sets):  # then unions of equal risk need not be told apart
        risks = [float(risk[members(one)].sum()) for one in sets]
        terms = _multiplied(risks, lambda unions, one: np.round(unions + one, 12), float)
    elif len(risk) <= MOST_BITS:
        terms = _multiplied(list(sets), lambda unions, one: unions | one, np.int64)
    else:
        return None
    if terms is None or disjoint(sets):
        return terms
    unions, signs = terms
    together = ((unions[:, None] >> np.arange(len(risk))) & 1) @ risk
    levels, place = np.unique(np.round(together, 12), return_inverse=True)
    return levels, np.bincount(place, weights=signs).astype(float)


def _multiplied(
    factors: Sequence[Any], joined: Callable[[NDArray, Any], NDArray], kind: Any
) -> tuple[NDArray, Floats] | None:
    """1 minus the product of (1 - set) over all sets, as unions and their signs."""
    unions, signs = np.zeros(1, dtype=kind), np.array([-1.0])
    for factor in factors:
        both = np.concatenate([unions, joined(unions, factor)])
        unions, place = np.unique(both, return_inverse=True)
        signs = np.bincount(place, weights=np.concatenate([signs, -signs]))
        kept = (signs != 0) | (unions == 0)
        unions, signs = unions[kept], signs[kept]
        if len(unions) > MOST_UNIONS or np.abs(signs).max() > LARGEST_SIGN:
            return None
    signs[0] += 1  # the empty union stands first
    return unions[signs != 0], signs[signs != 0]


def disjoint(sets: Sequence[int]) -> bool:
    """Whether no slice is in two of the sets, given as bits.

    >>> disjoint([1, 6]), disjoint([3, 6])
    (True, False)
    """
    together = 0
    for one in sets:
        if together & one:
            return False
        together |= one
    return True
