"""All fields: no selection, the model as it would have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from recsys.select.base import Family, Selection, Selector, one_score_each

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


@dataclass(frozen=True)
class AllFields(Selector):
    """The same score for every field: the ranking is the table's order and means nothing."""

    family: ClassVar[Family] = Family.REFERENCE
    ranks: ClassVar[bool] = False
    paper: ClassVar[str] = "a reference point of this benchmark"

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        return one_score_each(table, np.ones(table.num_fields))
