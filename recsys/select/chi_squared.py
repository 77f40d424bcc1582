"""Chi-squared: how far a field's values and the label are from independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.design import codes
from recsys.table import Part

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def counts(values: NDArray, label: NDArray) -> NDArray[np.int64]:
    """How often each value occurs with label 0 and 1, shape ``(V, 2)``; only values that occur.

    >>> counts(np.array([4, 4, 9]), np.array([0, 1, 1]))
    array([[1, 1],
           [0, 1]])
    """
    _, place = np.unique(values, return_inverse=True)
    pairs = 2 * place.reshape(-1) + np.asarray(label, np.int64)
    return np.bincount(pairs, minlength=2 * (int(place.max()) + 1)).reshape(-1, 2)


def association(contingency: NDArray) -> float:
    r"""Pearson's statistic a row, less what shuffled labels give: :math:`\phi^2`, bias-corrected.

    :math:`\chi^2 / n - (V - 1) / (n - 1)` (Bergsma, J. Korean Statistical Society 42(3), 2013).
    The bare statistic grows with the number of values, relevant or not, and p-values of large
    tables are all zero.

    Args:
        contingency: counts, shape ``(V, 2)``, no empty row.

    Returns:
        0 on average where value and label are independent, and where there is a single value or
        a single label; 1 where the value decides the label.

    >>> round(association(np.array([[90, 10], [10, 90]])), 2)
    0.63
    >>> seen_once = np.repeat([[1, 0], [0, 1]], 500, axis=0)
    >>> round(association(seen_once), 3)
    0.0
    """
    total = contingency.sum()
    row, column = contingency.sum(1), contingency.sum(0)
    if len(row) == 1 or (column == 0).any():
        return 0.0
    expected = row[:, None] * (column / total)
    statistic = ((contingency - expected) ** 2 / expected).sum()
    return float(statistic / total - (len(row) - 1) / (total - 1))


@dataclass(frozen=True)
class ChiSquared(Selector):
    """Pearson's chi-squared statistic of a field's values and the label, a row, less its chance.

    Each field is looked at alone: copies of a good field score as high as it does, and a field
    that matters only together with another scores nothing.
    """

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "Pearson, Philosophical Magazine 50, 1900; Liu and Setiono, ICTAI 1995"

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        rows = table.rows(Part.TRAIN)
        label = table.label[rows]
        return one_score_each(
            table,
            [
                association(counts(codes(table, place, rows), label))
                for place in range(table.num_fields)
            ],
        )
