"""Single-field AUC: how well the click rate of a field's values alone orders new rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from sklearn.metrics import roc_auc_score

from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.design import ClickRate, Encoding, design

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


@dataclass(frozen=True)
class SingleFieldAUC(Selector):
    """The AUC on validation rows of a field's click rates in the training rows, for each field.

    Each field is looked at alone: copies of a good field score as high as it does, and a field
    that matters only together with another scores a half.

    Args:
        encoding: how a value becomes a number.
        max_rows: at most so many rows of each part, drawn at random; None takes all.
    """

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "a reference curve of this benchmark"

    encoding: Encoding = field(default_factory=ClickRate)
    max_rows: int | None = None

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        seen = design(table, self.encoding, self.max_rows, seed)
        return one_score_each(table, [roc_auc_score(seen.y_val, x) for x in seen.x_val.T])
