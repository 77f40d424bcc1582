"""Networks trained on subsets of the fields, each subset once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphforget.core.errors import UserError
from graphforget.core.pool import LocalPool, Pool
from recsys.learn import ClickTraining, train_click

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable

FieldSet = frozenset[str]
"""Names of fields; which order they were found in does not matter."""


@dataclass(frozen=True, eq=False)
class TrainedOn:
    """Validation AUC of a network trained from scratch on some fields, in the table's order.

    Without any field it is a half, and so it is where the backbone takes no fewer fields than
    there are (FiBiNET, of a single field).

    Args:
        table: the table.
        backbone: the network.
        training: how it is trained.
        seed: of every training, so that sets differ in their fields only.
    """

    table: ClickTable
    backbone: Backbone
    training: ClickTraining
    seed: int

    def __call__(self, names: FieldSet) -> float:
        if not names or not self._can_be_built(len(names)):
            return 0.5
        some = self.table.only([one.name for one in self.table.fields if one.name in names])
        fitted = train_click(some, self.backbone, self.training, self.seed)
        auc = fitted.history[fitted.best_epoch - 1].auc
        assert auc is not None  # a selector's table has validation rows
        return auc

    def _can_be_built(self, num_fields: int) -> bool:
        try:
            self.backbone.build(num_fields, self.training.width, self.seed)
        except UserError:
            return False
        return True


@dataclass(eq=False)
class FieldSets:
    """Remembers the validation AUC of every set that was trained on.

    Args:
        trained_on: trains on a set.
        pool: where sets that are asked for together are trained.
    """

    trained_on: TrainedOn
    pool: Pool = field(default_factory=LocalPool)
    known: dict[FieldSet, float] = field(default_factory=dict)
    """What each set came to; its length is the number of trainings."""

    def auc(self, sets: Sequence[FieldSet]) -> list[float]:
        """The AUC of each set, trained on now or before.

        Raises:
            Exception: whatever a training raised.
        """
        new = [one for one in dict.fromkeys(sets) if one not in self.known]
        for names, auc in self.pool.map(self.trained_on, new):
            if isinstance(auc, Exception):
                raise auc
            self.known[names] = auc
        return [self.known[one] for one in sets]
