"""Scores of clicks against sklearn and against slow loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from graphforget.core.errors import UserError
from recsys.learn import ClickScores, grouped_auc, logloss, roc_auc
from recsys.learn.click_scores import score


def drawn(rows=500, values=None, seed=0):
    """Labels, logits (of few values, if said so) and users."""
    draw = np.random.default_rng(seed)
    logit = draw.standard_normal(rows).astype(np.float32)
    if values:
        logit = np.round(logit * values) / values
    label = (draw.random(rows) < expit(logit)).astype(np.uint8)
    return label, logit, draw.integers(20, size=rows)


@pytest.mark.parametrize("values", [None, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_auc_is_sklearns_ties_included(values, seed):
    label, logit, _ = drawn(values=values, seed=seed)
    assert roc_auc(label, logit) == pytest.approx(roc_auc_score(label, logit), abs=1e-12)


def test_auc_of_a_constant_is_a_half():
    assert roc_auc(np.array([0, 1, 1]), np.zeros(3)) == 0.5


@pytest.mark.parametrize("values", [None, 2])
def test_auc_per_user_is_that_of_a_loop(values):
    label, logit, users = drawn(values=values)
    users[:3] = (50, 51, 51)  # users of one row, and of one label
    label[1:3] = 1
    total = weight = 0.0
    for user in np.unique(users):
        own = users == user
        if 0 < label[own].sum() < own.sum():
            total += own.sum() * roc_auc_score(label[own], logit[own])
            weight += own.sum()
    assert grouped_auc(label, logit, users) == pytest.approx(total / weight, abs=1e-12)


def test_auc_per_user_is_nothing_where_no_user_has_both_labels():
    assert grouped_auc(np.array([0, 1]), np.array([0.0, 1.0]), np.array([4, 5])) is None


def test_logloss_is_sklearns_in_float64():
    label, logit, _ = drawn()
    logit[:2] = (80.0, -80.0)  # clipped, not infinite
    label[:2] = (0, 1)
    wanted = log_loss(label, expit(logit.astype(np.float64)))
    assert logloss(label, logit) == pytest.approx(wanted, rel=1e-12)


def test_many_rows_keep_their_digits():
    label, logit, _ = drawn(rows=200_000, seed=1)
    assert roc_auc(label, logit) == pytest.approx(roc_auc_score(label, logit), abs=1e-12)


def test_all_scores_at_once():
    label, logit, users = drawn()
    assert score(label, logit) == ClickScores(roc_auc(label, logit), logloss(label, logit))
    assert score(label, logit, users).gauc == grouped_auc(label, logit, users)


@pytest.mark.parametrize("label", [[0, 0], [1, 1]])
def test_one_label_has_no_auc(label):
    with pytest.raises(UserError, match=f"all 2 have label {label[0]}"):
        roc_auc(np.array(label), np.array([0.1, 0.2]))


@pytest.mark.parametrize("call", [roc_auc, logloss])
def test_diverged_answers_and_no_answers_are_told(call):
    with pytest.raises(UserError, match="NaN or infinity"):
        call(np.array([0, 1]), np.array([np.nan, 1.0]))
    with pytest.raises(UserError, match="at least one"):
        call(np.array([]), np.array([]))
