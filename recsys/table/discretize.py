"""Numbers to buckets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError


class Discretization(ABC):
    """Gives every number the key of its bucket. Which keys there are is learned like a vocabulary.

    A subclass is a frozen dataclass.
    """

    def fit(self, values: NDArray[np.float64]) -> Discretization:
        """Learn from values of the training part, shape ``(M,)``; most have nothing to learn."""
        return self

    @abstractmethod
    def keys(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Key of the bucket of each value, shape ``(M,)``."""


@dataclass(frozen=True)
class SquaredLog(Discretization):
    """The published discretisation of Criteo's integers.

    A value above 2 goes to bucket ``floor(ln(x)^2)``, as the winners of the Criteo challenge had
    it; smaller ones are their own bucket, ``floor(x) - 2``.

    >>> SquaredLog().keys(np.array([-1.0, 0, 1, 2, 3, 10, 1000])).tolist()
    [-3, -2, -1, 0, 1, 5, 47]
    """

    def keys(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        large = np.floor(np.log(np.maximum(values, 2.0)) ** 2)
        return _whole(np.where(values > 2, large, values - 2))


@dataclass(frozen=True)
class Quantiles(Discretization):
    """Buckets that hold about as many training rows each.

    Args:
        buckets: how many, 2 or more; fewer come out where a value is frequent.

    >>> Quantiles(2).fit(np.arange(10.0)).keys(np.array([-1.0, 4.0, 5.0, 100.0])).tolist()
    [0, 0, 1, 1]
    """

    buckets: int = 32

    def __post_init__(self) -> None:
        if not 2 <= self.buckets <= 1 << 16:
            raise UserError(f"quantiles: wanted 2 to 65536 buckets, got {self.buckets}")

    def fit(self, values: NDArray[np.float64]) -> Discretization:
        if not len(values):
            return Edges(())
        cuts = np.quantile(values, np.arange(1, self.buckets) / self.buckets)
        return Edges(tuple(np.unique(cuts).tolist()))

    def keys(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        raise UserError("quantiles: they are learned by fit(), whose answer has the keys")


@dataclass(frozen=True)
class Edges(Discretization):
    """Buckets between given edges; a value on an edge belongs to the lower bucket.

    Args:
        edges: finite numbers, ascending.

    Raises:
        UserError: they are not.
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.edges, (tuple, list)) or not all(map(_is_finite, self.edges)):
            raise UserError(f"edges: wanted finite numbers, got {str(self.edges)[:60]!r}")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise UserError(f"edges: they must ascend, got {list(self.edges)[:10]}")

    def keys(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.searchsorted(np.array(self.edges), values)


@dataclass(frozen=True)
class WholeNumbers(Discretization):
    """Every whole number is its own bucket; fractions are cut off downwards."""

    def keys(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        return _whole(values)


def _is_finite(edge: object) -> bool:
    return isinstance(edge, Real) and not isinstance(edge, bool) and isfinite(edge)


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Floors; what no int64 holds goes to the nearest one that a float64 can say."""
    return np.floor(np.clip(values, -(2.0**62), 2.0**62)).astype(np.int64)
