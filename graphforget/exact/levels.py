"""What a shard's depth hangs on: the stages whose deaths together cost it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from graphforget.exact.orders import checked_prior
from graphforget.exact.plan import Plan


def deciding(plan: Plan, depth: int) -> tuple[int, ...]:
    """The smallest slice sets such that a shard is at least ``depth`` deep while one is unhit.

    Returns:
        Sets as bits of slices; none where the plan has no stage so deep.

    >>> deciding(Plan.chains(1, 4, orders=2), depth=1)
    (1, 4)
    >>> deciding(Plan.subsets(1, 3), depth=2)
    (3, 5, 6)
    """
    paths = [path for path in plan.stages if len(path) >= depth]
    sets = {sum(1 << slice for slice in path) for path in paths}
    smallest: list[int] = []
    for one in sorted(sets, key=lambda bits: (bits.bit_count(), bits)):
        if not any(inner & one == inner for inner in smallest):
            smallest.append(one)
    return tuple(smallest)


def slice_risk(plan: Plan, prior: Sequence[float] | None = None) -> NDArray[np.float64]:
    """The probability that a deletion from a shard falls in each slice, shape ``(L,)``.

    Args:
        plan: the plan.
        prior: the probabilities; by default equal, and 0 for a public slice.

    Raises:
        UserError: if the prior is not one probability a slice.
    """
    if prior is None:
        spared = 1 if plan.placement.public else 0
        return np.array([0.0] * spared + [1 / (plan.slices - spared)] * (plan.slices - spared))
    risk = checked_prior(prior)
    if len(risk) != plan.slices:
        raise UserError(f"prior: wanted {plan.slices} probabilities, got {len(risk)}")
    return risk


def members(bits: int) -> list[int]:
    """The slices of a set, ascending.

    >>> members(5)
    [0, 2]
    """
    return [slice for slice in range(bits.bit_length()) if bits >> slice & 1]
