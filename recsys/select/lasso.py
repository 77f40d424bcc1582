"""Lasso: the fields that a sparse linear model keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Lasso as SparseRegression
from sklearn.preprocessing import StandardScaler

from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.design import ClickRate, Encoding, RawIds, design

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def lasso_weights(
    x: NDArray, y: NDArray, alpha: float, max_iter: int = 1000, tol: float = 1e-4
) -> NDArray[np.float64]:
    """Absolute weights of an L1-penalised least-squares fit.

    Args:
        x: one column per field, shape ``(R, F)``.
        y: labels, shape ``(R,)``.
        alpha: strength of the penalty.
        max_iter: most passes of coordinate descent.
        tol: duality gap to stop at.

    Returns:
        Shape ``(F,)``.

    >>> x = np.array([[0.0, 5.0], [1.0, 5.0], [0.0, 6.0], [1.0, 6.0]])
    >>> lasso_weights(x, y=x[:, 0], alpha=0.01).round(2)
    array([0.96, 0.  ])
    """
    # the order of the columns is fixed, and yet the solver draws from numpy's own state without
    fitted = SparseRegression(alpha=alpha, max_iter=max_iter, tol=tol, random_state=0).fit(x, y)
    return np.abs(fitted.coef_)


@dataclass(frozen=True)
class Lasso(Selector):
    """The absolute weights of an L1-penalised linear regression of the label on the fields.

    The published benchmark feeds it raw ids, whose scale decides the weights: a field of many
    values comes last whatever it holds. Here each field is its cross-fitted click rate, brought
    to one scale; `BENCHMARK` keeps the published behaviour.

    Args:
        alpha: strength of the penalty.
        max_iter: most passes of coordinate descent.
        tol: duality gap to stop at.
        encoding: how a value becomes a number.
        standardise: bring every column to mean 0 and variance 1.
        max_rows: at most so many rows, drawn at random; None takes all.
    """

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "Tibshirani, JRSS B 58(1), 1996"

    alpha: float = 1e-3
    max_iter: int = 1000
    tol: float = 1e-4
    encoding: Encoding = field(default_factory=ClickRate)
    standardise: bool = True
    max_rows: int | None = 1_000_000

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        seen = design(table, self.encoding, self.max_rows, seed)
        x = StandardScaler().fit_transform(seen.x) if self.standardise else seen.x
        return one_score_each(table, lasso_weights(x, seen.y, self.alpha, self.max_iter, self.tol))


BENCHMARK = Lasso(encoding=RawIds(), standardise=False, max_rows=None)
"""As published, flaw included: raw ids, unscaled."""
