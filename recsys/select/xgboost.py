"""XGBoost: the fields whose splits gain most, by histograms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import torch

from graphforget.core.errors import UserError
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.design import ClickRate, Encoding, RawIds, design

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


@dataclass(frozen=True)
class XGBoost(Selector):
    """The average gain of a boosted tree's splits on each field.

    Args:
        trees: rounds of boosting.
        depth: depth of a tree.
        encoding: how a value becomes a number.
        max_rows: at most so many rows, drawn at random; None takes all.

    Raises:
        UserError: if xgboost is not installed.
    """

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "Chen and Guestrin, KDD 2016"

    trees: int = 10
    depth: int = 6
    encoding: Encoding = field(default_factory=ClickRate)
    max_rows: int | None = 10_000_000

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        try:
            from xgboost import XGBClassifier
        except ImportError:
            raise UserError(
                "XGBoost: wanted the package xgboost, which is not installed; "
                "pip install xgboost-cpu, or choose GBDT"
            ) from None
        seen = design(table, self.encoding, self.max_rows, seed)
        fitted = XGBClassifier(
            n_estimators=self.trees,
            max_depth=self.depth,
            tree_method="hist",
            random_state=seed,
            n_jobs=torch.get_num_threads(),  # left alone, it takes every core there is
        ).fit(seen.x, seen.y)
        return one_score_each(table, fitted.feature_importances_)


BENCHMARK = XGBoost(encoding=RawIds(), max_rows=None)
"""As published: splits on raw ids."""
