"""Answers of a click model: which rows, which probabilities, and what cannot be answered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from graphforget.core.errors import UserError
from recsys.learn import evaluate, grouped_auc, logits, predict
from recsys.models import ClickModel, DeepFM
from recsys.table import ClickTable, Part, planted_table

TABLE = planted_table(400, seed=0).table


@pytest.fixture
def model():
    found = ClickModel.of(TABLE.fields, DeepFM(), 4, seed=0)
    with torch.no_grad():
        found.embedding.weight.mul_(50)
    return found


def test_rows_are_answered_in_the_order_asked_and_in_any_batches(model):
    rows = np.array([7, 3, 399, 3])
    wanted = model.eval()(TABLE.take(rows)).detach().numpy()
    for size in (1, 3, 8192):
        np.testing.assert_allclose(logits(model, TABLE, rows, size), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(predict(model, TABLE, rows), expit(wanted.astype(float)), rtol=1e-5)
    assert predict(model, TABLE, []).shape == (0,)


def test_asking_changes_nothing(model):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predict(model, TABLE, np.arange(100))
    assert model.training and model.backbone.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_scores_are_those_of_the_part(model):
    rows = TABLE.rows(Part.TEST)
    label, chance = TABLE.label[rows], predict(model, TABLE, rows)
    scores = evaluate(model, TABLE, Part.TEST)
    assert scores.auc == pytest.approx(roc_auc_score(label, chance), abs=1e-6)
    assert scores.logloss == pytest.approx(log_loss(label, chance), rel=1e-6)
    assert scores.gauc == pytest.approx(grouped_auc(label, chance, TABLE.users[rows]))
    assert evaluate(model, replace(TABLE, users=None), Part.TEST).gauc is None


def test_other_fields_are_refused_with_the_way_out(model):
    names = [field.name for field in TABLE.fields]
    with pytest.raises(UserError, match=r"table\.only\(names\)"):
        predict(model, TABLE.only(names[:2]), [0])
    with pytest.raises(UserError, match=r"table\.only\(names\)"):
        predict(model, TABLE.only(names[::-1]), [0])
    first = replace(TABLE.fields[0], size=TABLE.fields[0].size + 1)
    other = replace(TABLE, fields=(first, *TABLE.fields[1:]))
    with pytest.raises(UserError, match="vocabulary"):
        predict(model, other, [0])


def test_ids_that_no_field_has_are_found():
    table = ClickTable.from_arrays("toy", {"user": [0, 1], "item": [0, 1]}, [0, 1], [2, 2])
    model = ClickModel.of(table.fields, DeepFM(), 4, seed=0)
    table.columns[0].flags.writeable = True
    table.columns[0][1] = 3
    with pytest.raises(UserError, match="field 'user': wanted ids from 0 to 1, got 3 in row 1"):
        predict(model, table, [0, 1])


def test_a_diverged_model_does_not_answer(model):
    with torch.no_grad():
        model.embedding.weight.fill_(float("nan"))
    for ask in (lambda: predict(model, TABLE, [0]), lambda: evaluate(model, TABLE, Part.TEST)):
        with pytest.raises(UserError, match="NaN.*diverged"):
            ask()


def test_an_empty_part_is_told(model):
    empty = replace(TABLE, part=np.zeros_like(TABLE.part))
    with pytest.raises(UserError, match="its test part is empty"):
        evaluate(model, empty, Part.TEST)
