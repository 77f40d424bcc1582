"""Random order: the curve that every search has to leave behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from recsys.select.base import Family, Selection, Selector, one_score_each

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


@dataclass(frozen=True)
class RandomOrder(Selector):
    """Scores drawn at random; many seeds give the band that differences are to be read against."""

    family: ClassVar[Family] = Family.REFERENCE
    paper: ClassVar[str] = "a reference curve of this benchmark"

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        return one_score_each(table, np.random.default_rng(seed).random(table.num_fields))
