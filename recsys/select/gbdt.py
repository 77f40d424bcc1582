"""Gradient-boosted trees: the fields that their splits gain most from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from sklearn.ensemble import GradientBoostingClassifier

from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.design import ClickRate, Encoding, RawIds, design

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


@dataclass(frozen=True)
class GBDT(Selector):
    """The impurity that gradient-boosted trees remove by splitting on each field.

    Args:
        trees: most rounds of boosting.
        learning_rate: shrinkage of each tree.
        depth: depth of a tree.
        subsample: share of the rows that each tree sees.
        min_samples_split: fewest rows of a node that may be split.
        min_samples_leaf: fewest rows of a leaf.
        patience: rounds without gain on a held-out tenth of the training rows before it stops;
            None never stops.
        encoding: how a value becomes a number; raw ids invite splits on fields of many values.
        max_rows: at most so many rows, drawn at random; None takes all. Splits are exact, so
            the time grows as ``R log R`` on one core.
    """

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "Friedman, Annals of Statistics 29(5), 2001"

    trees: int = 100
    learning_rate: float = 0.1
    depth: int = 3
    subsample: float = 1.0
    min_samples_split: int = 2
    min_samples_leaf: int = 1
    patience: int | None = 3
    encoding: Encoding = field(default_factory=ClickRate)
    max_rows: int | None = 1_000_000

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        seen = design(table, self.encoding, self.max_rows, seed)
        fitted = GradientBoostingClassifier(
            n_estimators=self.trees,
            learning_rate=self.learning_rate,
            max_depth=self.depth,
            subsample=self.subsample,
            min_samples_split=self.min_samples_split,
            min_samples_leaf=self.min_samples_leaf,
            n_iter_no_change=self.patience,
            random_state=seed,
        ).fit(seen.x, seen.y)
        return one_score_each(table, fitted.feature_importances_)


BENCHMARK = GBDT(encoding=RawIds(), max_rows=None)
"""As published: splits on raw ids."""
