"""Greedy forward selection: the line to reach, at the price of very many trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from graphforget.core.pool import LocalPool, Pool
from recsys.learn import ClickTraining
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.field_sets import FieldSet, FieldSets, TrainedOn

if TYPE_CHECKING:
    from recsys.models import Backbone
    from recsys.table import ClickTable


def greedy_order(
    names: Sequence[str],
    auc: Callable[[Sequence[FieldSet]], Sequence[float]],
    rounds: int | None = None,
) -> tuple[str, ...]:
    """The fields in the order in which each best adds to those before it.

    Args:
        names: of the fields; earlier ones win ties.
        auc: scores sets of fields.
        rounds: fields chosen so; the rest follows as it scored in the last round. None: all.

    >>> def likes_pairs(sets):
    ...     return [len(names & {"b", "c"}) + 0.1 * ("b" in names) for names in sets]
    >>> greedy_order(["a", "b", "c"], likes_pairs)
    ('b', 'c', 'a')
    """
    chosen: list[str] = []
    rest = list(names)
    while rest:
        scores = auc([frozenset([*chosen, name]) for name in rest])
        order = sorted(range(len(rest)), key=lambda place: -scores[place])
        if rounds is not None and len(chosen) + 1 >= rounds:
            return (*chosen, *(rest[place] for place in order))
        chosen.append(rest.pop(order[0]))
    return tuple(chosen)


def scores_by_place(names: Sequence[str], order: Sequence[str]) -> list[float]:
    """Scores that give the order: the first field gets ``F``, the last 1.

    >>> scores_by_place(["a", "b", "c"], order=["b", "c", "a"])
    [1.0, 3.0, 2.0]
    """
    return [float(len(order) - order.index(name)) for name in names]


@dataclass(frozen=True)
class GreedyForward(Selector):
    """Adds, one by one, the field with which a network trained anew does best on validation.

    ``F (F + 1) / 2`` trainings: 91 for 13 fields, 780 for 39. Every set is trained once. A
    backbone that answers the same for any single field (a factorisation machine without linear
    term) starts with the table's first field.

    Args:
        training: of every network; a short one (few epochs, little patience) orders nearly as well.
        rounds: fields chosen so, the rest follows as it scored in the last round; None: all.
        pool: where the trainings of one round run.
    """

    family: ClassVar[Family] = Family.WRAPPER
    paper: ClassVar[str] = "Kohavi and John, Artificial Intelligence 97, 1997"

    training: ClickTraining = field(default_factory=ClickTraining)
    rounds: int | None = None
    pool: Pool = field(default_factory=LocalPool, repr=False, compare=False)

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        names = [one.name for one in table.fields]
        sets = FieldSets(TrainedOn(table, backbone, self.training, seed), self.pool)
        return one_score_each(
            table, scores_by_place(names, greedy_order(names, sets.auc, self.rounds))
        )
