"""Leave one out: what is lost when a network has to do without a field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from graphforget.core.pool import LocalPool, Pool
from recsys.learn import ClickTraining
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.field_sets import FieldSets, TrainedOn

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


@dataclass(frozen=True)
class LeaveOneOut(Selector):
    """The validation AUC that a network trained without a field falls short of one with all.

    ``F + 1`` trainings. It tells well which fields to drop; the first places are noise, as each
    of two fields that stand in for one another seems dispensable.

    Args:
        training: of every network.
        pool: where the trainings run.
    """

    family: ClassVar[Family] = Family.WRAPPER
    paper: ClassVar[str] = "Lei et al., JASA 113(523), 2018"

    training: ClickTraining = field(default_factory=ClickTraining)
    pool: Pool = field(default_factory=LocalPool, repr=False, compare=False)

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        everything = frozenset(one.name for one in table.fields)
        sets = FieldSets(TrainedOn(table, backbone, self.training, seed), self.pool)
        whole, *without = sets.auc([everything, *(everything - {f.name} for f in table.fields)])
        return one_score_each(table, [whole - auc for auc in without])
