"""Mutual information: what a field alone tells about the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from numpy.typing import NDArray
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import expected_mutual_information

from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.chi_squared import counts
from recsys.select.design import codes
from recsys.table import Part

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def information(contingency: NDArray, adjusted: bool = True) -> float:
    """Mutual information of value and label in nats.

    Args:
        contingency: counts, shape ``(V, 2)``, no empty row.
        adjusted: subtract what shuffled labels give on average (Vinh, Epps and Bailey, 2010),
            exactly. Without it a field whose values occur once tells everything.

    >>> import numpy as np
    >>> seen_once = np.repeat([[1, 0], [0, 1]], 500, axis=0)
    >>> round(information(seen_once, adjusted=False), 3), round(information(seen_once), 3)
    (0.693, 0.0)
    """
    if len(contingency) == 1 or (contingency.sum(0) == 0).any():
        return 0.0
    told = float(mutual_info_score(None, None, contingency=contingency))
    if not adjusted:
        return told
    return told - float(expected_mutual_information(contingency, int(contingency.sum())))


@dataclass(frozen=True)
class MutualInformation(Selector):
    """The mutual information between a field's values and the label, less its chance.

    Each field is looked at alone: copies of a good field score as high as it does, and a field
    that matters only together with another scores nothing.

    Args:
        adjusted: subtract what shuffled labels would give.
    """

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "Battiti, IEEE Transactions on Neural Networks 5(4), 1994"

    adjusted: bool = True

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        rows = table.rows(Part.TRAIN)
        label = table.label[rows]
        return one_score_each(
            table,
            [
                information(counts(codes(table, place, rows), label), self.adjusted)
                for place in range(table.num_fields)
            ],
        )


PLUG_IN = MutualInformation(adjusted=False)
"""The textbook estimate, which favours fields of many values."""
