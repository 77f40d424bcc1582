"""What all gates promise: noise falls below what matters, and only rows that may be read are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from graphforget.core.errors import UserError
from recsys.learn import ClickTraining, evaluate
from recsys.models import DeepFM
from recsys.select import LPFS, SSEDS, UMEC, AdaFS, AdaFSHard, AutoField, MvFS, OptFS, ShuffleGate
from recsys.select.base import Selection, Selector
from recsys.table import ClickTable, Part, planted_table

QUICK = ClickTraining(epochs=8, patience=2, batch_size=64, learning_rate=0.005)
RANKING = [AutoField, LPFS, OptFS, ShuffleGate, SSEDS, UMEC]
SOFT = [AdaFS, AdaFSHard, MvFS]
ON_VALIDATION = [AutoField, LPFS, ShuffleGate, UMEC]


@cache
def planted():
    return planted_table(3000, relevant=2, redundant=0, irrelevant=2, seed=0)


@cache
def found(method: type[Selector]) -> Selection:
    selector = method(training=QUICK)
    if method is OptFS:
        selector = replace(selector, steps=250)
    return selector.select(planted().table, DeepFM(), seed=0)


def with_rows(table: ClickTable, part: Part, ids: int | None = None) -> ClickTable:
    """The table with labels of a part turned round and, if given, all its ids another."""
    rows, label = table.rows(part), table.label.copy()
    label[rows] = 1 - label[rows]
    columns = [column.copy() for column in table.columns]
    for column in columns if ids is not None else []:
        column[rows] = ids
    return replace(table, columns=tuple(columns), label=label)


@pytest.mark.slow
@pytest.mark.parametrize("method", RANKING)
def test_noise_falls_below_what_matters(method):
    table, scores = planted(), found(method).scores
    names = [field.name for field in table.table.fields]
    of = dict(zip(names, scores, strict=True))
    assert min(of[name] for name in table.relevant) > max(of[name] for name in table.irrelevant)


@pytest.mark.slow
@pytest.mark.parametrize("method", SOFT)
def test_soft_gates_come_with_a_network_that_answers_as_it_is(method):
    selection = found(method)
    assert not method.ranks and selection.gate is selection.model.model.gate
    assert evaluate(selection.model.model, planted().table, Part.TEST).auc > 0.7
    assert 0 <= selection.scores.min() < selection.scores.max() <= 1


@pytest.mark.parametrize("method", RANKING + SOFT)
def test_no_test_row_is_ever_taken(method):
    table = with_rows(planted().table, Part.TEST, ids=255)  # no field has it: taking it is an error
    one = method(training=replace(QUICK, epochs=1, batch_size=512))
    assert np.isfinite(one.select(table, DeepFM(), seed=0).scores).all()
    with pytest.raises(UserError):
        one.select(with_rows(table, Part.VAL, ids=255), DeepFM(), seed=0)


@pytest.mark.parametrize("method", RANKING + SOFT)
def test_gates_learn_from_the_part_that_they_are_said_to_learn_from(method):
    """After one epoch, with nothing to choose between, labels of the other part change nothing."""
    selector = method(training=replace(QUICK, epochs=1, batch_size=512))
    if method is SSEDS:
        selector = replace(selector, part=Part.TRAIN)
    before = selector.select(planted().table, DeepFM(), seed=0).scores
    turned = with_rows(planted().table, Part.VAL)
    after = selector.select(turned, DeepFM(), seed=0).scores
    assert np.array_equal(before, after) == (method not in ON_VALIDATION)
