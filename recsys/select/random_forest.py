"""Random forest: the fields that its splits gain most from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from sklearn.ensemble import RandomForestClassifier

from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.design import ClickRate, Encoding, RawIds, design

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


@dataclass(frozen=True)
class RandomForest(Selector):
    """The impurity that a random forest removes by splitting on each field.

    Trees of full depth memorise whatever tells rows apart, so the published settings put fields
    of many values first, noise included. Here leaves hold twenty rows.

    Args:
        trees: number of trees.
        min_samples_leaf: fewest rows of a leaf.
        encoding: how a value becomes a number.
        max_rows: at most so many rows, drawn at random; None takes all.
    """

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "Breiman, Machine Learning 45(1), 2001"

    trees: int = 10
    min_samples_leaf: int = 20
    encoding: Encoding = field(default_factory=ClickRate)
    max_rows: int | None = 1_000_000

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        seen = design(table, self.encoding, self.max_rows, seed)
        fitted = RandomForestClassifier(
            self.trees, min_samples_leaf=self.min_samples_leaf, random_state=seed
        ).fit(seen.x, seen.y)
        return one_score_each(table, fitted.feature_importances_)


BENCHMARK = RandomForest(min_samples_leaf=1, encoding=RawIds(), max_rows=None)
"""As published, flaw included: trees of full depth on raw ids, which favour many values."""
