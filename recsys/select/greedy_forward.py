"""Greedy forward selection: the line to reach, at the price of very many trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from graphforget.core.pool import LocalPool, Pool
from recsys.learn import ClickTraining
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.field_sets import FieldSet, FieldSets, TrainedOn
from recsys.select.single_field import SingleFieldAUC

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


def selection_by_place(table: ClickTable, order: Sequence[str]) -> Selection:
    """Scores that give an order of the fields: the first gets ``F``, the last 1."""
    place = {name: len(order) - before for before, name in enumerate(order)}
    return one_score_each(table, [float(place[one.name]) for one in table.fields])


@dataclass(frozen=True)
class GreedyForward(Selector):
    """Adds, one by one, the field with which a network trained anew does best on validation.

    ``F (F + 1) / 2`` trainings: 91 for 13 fields, 780 for 39. Every set is trained once. Of equal
    fields the one with the higher single-field AUC is taken, which decides the first round where
    the backbone makes nothing of one field: a factorisation machine, FiBiNET.

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
        names = SingleFieldAUC().search(table, backbone, seed).ranking
        sets = FieldSets(TrainedOn(table, backbone, self.training, seed), self.pool)
        return selection_by_place(table, greedy_order(names, sets.auc, self.rounds))
