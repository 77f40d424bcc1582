"""Methods that train one network and ask how much it leans on each field."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from recsys import select
from recsys.learn import ClickTraining, FittedClick, predict, roc_auc, train_click
from recsys.models import ClickModel, DeepFM
from recsys.select.field_gradients import field_gradients
from recsys.select.permutation_on_model import shuffled_auc
from recsys.select.sfs import sfs_scores
from recsys.select.shark import shark_scores
from recsys.table import ClickTable, Part, Planted, planted_table

QUICK = ClickTraining(batch_size=128, learning_rate=0.02, epochs=8)
METHODS = [select.SHARK(QUICK), select.SFS(QUICK), select.PermutationOnModel(QUICK)]


@pytest.fixture(scope="module")
def planted() -> Planted:
    return planted_table(2000, relevant=2, redundant=0, irrelevant=2, seed=0)


@pytest.fixture(scope="module")
def table() -> ClickTable:
    """With a field of several values between two others."""
    draw = np.random.default_rng(0)
    return ClickTable.from_arrays(
        "tags",
        {
            "user": draw.integers(5, size=120),
            "tags": draw.integers(4, size=(120, 3)),
            "item": draw.integers(7, size=120),
        },
        label=draw.integers(2, size=120),
        part=np.repeat([0, 1, 2], 40),
    )


@pytest.fixture(scope="module")
def fitted(table) -> FittedClick:
    return train_click(table, DeepFM(), replace(QUICK, epochs=1), seed=0)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_relevant_fields_come_first_and_the_model_comes_along(method, planted):
    found = method.select(planted.table, DeepFM(), seed=0)
    assert set(found.ranking[:2]) == set(planted.relevant)
    rows = planted.table.rows(Part.VAL)
    answers = predict(found.model.model, planted.table, rows)
    assert roc_auc(planted.table.label[rows], answers) > 0.6


def one_by_one(model: ClickModel, table: ClickTable, row: int) -> tuple[torch.Tensor, torch.Tensor]:
    e = model.embedding(table.take([row])).detach().requires_grad_()
    loss = F.binary_cross_entropy_with_logits(model.backbone(e), table.labels([row]))
    return e.detach()[0], torch.autograd.grad(loss, e)[0][0]


def test_one_pass_gives_the_gradients_of_single_rows(table, fitted):
    rows = table.rows(Part.VAL)
    e, gradient = field_gradients(fitted.model, table.take(rows), table.labels(rows))
    assert e.shape == gradient.shape == (40, 3, 8)
    for place, row in enumerate(rows[:10]):
        alone = one_by_one(fitted.model, table, row)
        assert torch.allclose(e[place], alone[0]) and torch.allclose(
            gradient[place], alone[1], rtol=1e-4, atol=1e-9
        )


def test_the_model_is_left_as_it_was(table, fitted):
    before = {name: value.clone() for name, value in fitted.model.state_dict().items()}
    fitted.model.train()
    try:
        field_gradients(fitted.model, table.take([0, 1]), table.labels([0, 1]))
        assert fitted.model.training
    finally:
        fitted.model.eval()
    assert all(weight.grad is None for weight in fitted.model.parameters())
    assert all(torch.equal(v, before[k]) for k, v in fitted.model.state_dict().items())


def test_shark_equals_the_definition_row_by_row_whatever_the_batch(table, fitted):
    rows = table.rows(Part.VAL)
    e, g = map(torch.stack, zip(*(one_by_one(fitted.model, table, r) for r in rows), strict=True))
    wanted = (g * (e.mean(0) - e)).sum(2).abs().mean(0).numpy()
    for batch_size in (7, 40):
        found = shark_scores(fitted.model, table, batch_size)
        assert found == pytest.approx(wanted, rel=1e-4)


def test_sfs_is_the_gradient_of_a_mask(table, fitted):
    rows = table.rows(Part.VAL)
    mask = torch.ones(3, requires_grad=True)
    e = fitted.model.embedding(table.take(rows)).detach()
    logit = fitted.model.backbone(e * mask[:, None])
    F.binary_cross_entropy_with_logits(logit, table.labels(rows)).backward()
    wanted = mask.grad.abs().numpy()
    found = sfs_scores(fitted.model, table, batches=1, batch_size=40, seed=0)
    assert found == pytest.approx(wanted / wanted.sum(), rel=1e-4)


def test_sfs_looks_at_so_many_batches_and_no_more(table, fitted, monkeypatch):
    from recsys.select import sfs

    seen: list[int] = []

    def counted(model, ids, label):
        seen.append(len(ids))
        return field_gradients(model, ids, label)

    monkeypatch.setattr(sfs, "field_gradients", counted)
    sfs_scores(fitted.model, table, batches=3, batch_size=16, seed=0)
    assert seen == [16, 16, 8]
    sfs_scores(fitted.model, table, batches=1, batch_size=16, seed=0)
    assert seen == [16, 16, 8, 16]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_shuffle_moves_the_columns_of_one_field(table, fitted, place):
    """Against a table in which the field was shuffled beforehand."""
    rows = table.rows(Part.VAL)
    order = np.random.default_rng(1).permutation(rows)
    columns = [column.copy() for column in table.columns]
    columns[place][rows] = table.columns[place][order]
    moved = replace(table, columns=tuple(columns))
    wanted = roc_auc(table.label[rows], predict(fitted.model, moved, rows))
    found = shuffled_auc(fitted.model, table, rows, place, order, batch_size=11)
    assert found == pytest.approx(wanted, abs=1e-9)


def test_a_field_that_the_model_ignores_scores_nothing(planted):
    """Its vectors are all the same: nothing changes when it is averaged or shuffled."""
    table = planted.table
    fitted = train_click(table, DeepFM(), replace(QUICK, epochs=1), seed=0)
    place = 1
    with torch.no_grad():
        start = fitted.model.embedding.starts[place]
        fitted.model.embedding.weight[start : start + table.fields[place].size] = 0.5
    scores = shark_scores(fitted.model, table, 256)
    assert scores[place] < 1e-6 < scores.max()
    rows = table.rows(Part.VAL)
    shuffle = np.random.default_rng(0).permutation(rows)
    whole = shuffled_auc(fitted.model, table, rows, 0, rows, 256)
    assert shuffled_auc(fitted.model, table, rows, place, shuffle, 256) == whole
