"""The area under the k-performance curve: how good a model is on the best k fields, for all k."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphforget.core.errors import UserError

CHANCE = 0.5
"""AUC of a model without fields, A_0."""


def aukc(auc: ArrayLike, grid: Sequence[int]) -> NDArray[np.float64]:
    r"""Area under the curve of AUC against the number of fields k, 0 for chance at every k.

    ERASE (Jia et al., KDD 2024) names it; the formula is ours where the paper's cannot be had:

    .. math:: \frac{1}{k_m} \sum_{j=0}^{m-1} (k_{j+1} - k_j)(A_j + A_{j+1} - 1)

    with :math:`k_0 = 0` and :math:`A_0 = 1/2`. On the grid 1..F this is the trapezoid of
    :math:`2(A - 1/2)` over F, and perfect models at every k reach :math:`1 - 1/(2F)`.

    Args:
        auc: AUC at each k of the grid, shape ``(..., m)``.
        grid: the k, increasing, m of them.

    Returns:
        Shape ``(...)``.

    Raises:
        UserError: if the grid does not increase from 1 or more, or is of another length.

    >>> float(aukc([1.0, 1.0, 1.0, 1.0], [1, 2, 3, 4]))
    0.875
    >>> float(aukc([0.5, 0.5], [5, 10]))
    0.0
    """
    values = np.asarray(auc, dtype=np.float64)
    k = np.asarray([0, *check_grid(grid)])
    if values.shape[-1:] != (len(grid),):
        raise UserError(
            f"AUKC: wanted an AUC for each of {len(grid)} k, got shape {values.shape}"
        )
    first = np.full((*values.shape[:-1], 1), CHANCE)
    heights = np.concatenate([first, values], axis=-1)
    return ((heights[..., :-1] + heights[..., 1:] - 1) * np.diff(k)).sum(axis=-1) / k[-1]


def check_grid(grid: Sequence[int], fields: int | None = None) -> tuple[int, ...]:
    """The grid, if it is one: whole numbers from 1, increasing, none above the number of fields.

    >>> check_grid([1, 2, 3], fields=2)
    Traceback (most recent call last):
    graphforget.core.errors.UserError: k: the table has 2 fields, got k = 3; ...
    """
    ks = tuple(grid)
    if not ks or ks[0] < 1 or any(b <= a for a, b in zip(ks, ks[1:], strict=False)):
        raise UserError(f"k: wanted whole numbers from 1 that increase, got {list(grid)}")
    if fields is not None and ks[-1] > fields:
        raise UserError(
            f"k: the table has {fields} fields, got k = {ks[-1]}; ask for at most {fields}"
        )
    return ks


def convention(grid: Sequence[int]) -> str:
    """What has to stand beside every AUKC: its grid, where it starts, what it is divided by.

    >>> convention([1, 2, 3, 4]), convention([5, 10])
    ('k = 1..4, A_0 = 0.5 at k_0 = 0, divided by 4', 'k = 5, 10, A_0 = 0.5 at k_0 = 0, ...')
    """
    ks = list(grid)
    dense = len(ks) > 2 and ks == list(range(ks[0], ks[-1] + 1))
    named = f"{ks[0]}..{ks[-1]}" if dense else ", ".join(map(str, ks))
    return f"k = {named}, A_0 = {CHANCE} at k_0 = 0, divided by {ks[-1]}"
