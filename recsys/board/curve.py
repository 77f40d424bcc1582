"""Scores against the number of fields k, along one ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.board.aukc import aukc, check_grid


@dataclass(frozen=True)
class Curve:
    """A k-performance curve, raw, so that any convention can be computed from it.

    Args:
        grid: the k.
        val_auc: on validation, one each.
        auc, logloss, gauc: on test, one each.
    """

    grid: tuple[int, ...]
    val_auc: tuple[float, ...]
    auc: tuple[float, ...]
    logloss: tuple[float, ...]
    gauc: tuple[float, ...]

    def __post_init__(self) -> None:
        check_grid(self.grid)

    @property
    def aukc(self) -> float:
        """The area under the test AUC.

        >>> Curve((1, 2), (0.7, 0.6), (0.7, 0.8), (0.5, 0.5), (0.7, 0.7)).aukc
        0.35
        """
        return float(aukc(self.auc, self.grid))

    @property
    def best(self) -> int:
        """Place in the grid of the k that validation chooses; the smallest of equal ones.

        >>> Curve((1, 2), (0.7, 0.6), (0.7, 0.8), (0.5, 0.5), (0.7, 0.7)).best
        0
        """
        return int(np.argmax(np.nan_to_num(self.val_auc, nan=-1.0)))

    def metrics(self) -> dict[str, float]:
        """Every point by name and k, as records hold them.

        >>> list(Curve((1,), (0.7,), (0.6,), (0.5,), (0.4,)).metrics())
        ['val_auc/1', 'auc/1', 'logloss/1', 'gauc/1']
        """
        names = ("val_auc", "auc", "logloss", "gauc")
        return {
            f"{name}/{k}": value
            for name in names
            for k, value in zip(self.grid, getattr(self, name), strict=True)
        }

    @classmethod
    def of_metrics(cls, metrics: Mapping[str, float], grid: Sequence[int]) -> Curve:
        """The curve that `metrics` wrote."""
        nan = float("nan")
        columns = (
            tuple(metrics.get(f"{name}/{k}", nan) for k in grid)
            for name in ("val_auc", "auc", "logloss", "gauc")
        )
        return cls(tuple(grid), *columns)


def band(curves: Sequence[Curve]) -> tuple[NDArray, NDArray, NDArray]:
    """Lowest, mean and highest test AUC at each k, each of shape ``(m,)``.

    What random orders reach by luck: a curve within their band has shown nothing.
    """
    values = np.array([curve.auc for curve in curves])
    return values.min(axis=0), values.mean(axis=0), values.max(axis=0)
