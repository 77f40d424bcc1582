"""Permutation importance of a random forest: what its score loses when a field is shuffled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance

from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.design import ClickRate, Encoding, RawIds, design

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


@dataclass(frozen=True)
class Permutation(Selector):
    """The score that a random forest loses when the values of a field are shuffled.

    The forest is not the network that the fields are for: see `PermutationOnModel`. As published
    it is scored on the rows it has memorised, by accuracy, which barely moves when clicks are
    rare; here on validation rows, by AUC.

    Args:
        trees: trees of the forest.
        min_samples_leaf: fewest rows of a leaf.
        repeats: shuffles of each field.
        in_sample: shuffle and score the training rows instead of the validation rows.
        accuracy: measure accuracy instead of AUC.
        encoding: how a value becomes a number.
        max_rows: at most so many rows of each part, drawn at random; None takes all.
    """

    family: ClassVar[Family] = Family.SENSITIVITY
    paper: ClassVar[str] = "Breiman, Machine Learning 45(1), 2001"

    trees: int = 10
    min_samples_leaf: int = 20
    repeats: int = 5
    in_sample: bool = False
    accuracy: bool = False
    encoding: Encoding = field(default_factory=ClickRate)
    max_rows: int | None = 1_000_000

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        seen = design(table, self.encoding, self.max_rows, seed)
        forest = RandomForestClassifier(
            self.trees, min_samples_leaf=self.min_samples_leaf, random_state=seed
        ).fit(seen.x, seen.y)
        scored = (seen.x, seen.y) if self.in_sample else (seen.x_val, seen.y_val)
        lost = permutation_importance(
            forest,
            *scored,
            scoring="accuracy" if self.accuracy else "roc_auc",
            n_repeats=self.repeats,
            random_state=seed,
        )
        return one_score_each(table, lost.importances_mean)


BENCHMARK = Permutation(
    min_samples_leaf=1,
    in_sample=True,
    accuracy=True,
    encoding=RawIds(),
    max_rows=None,
)
"""As published, flaws included: a memorising forest on raw ids, judged on what it memorised."""
