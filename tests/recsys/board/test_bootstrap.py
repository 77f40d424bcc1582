"""Draws of rows: equal to counting with sklearn, paired, and as wide as theory says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from graphforget.core.errors import UserError
from recsys.board.bootstrap import Bootstrap, drawn_auc, interval


@pytest.fixture(scope="module")
def answers():
    generator = np.random.default_rng(0)
    label = generator.random(300) < 0.3
    good = label + generator.normal(size=300)
    return label, np.round(good, 1), np.round(good + generator.normal(size=300), 1)  # with ties


def test_each_draw_is_sklearns_weighted_auc(answers):
    label, score, _ = answers
    bootstrap = Bootstrap(draws=7, seed=3)
    counts = np.concatenate(list(bootstrap.counts(len(label))))
    assert (counts.sum(axis=1) == len(label)).all()
    expected = [roc_auc_score(label, score, sample_weight=row) for row in counts]
    np.testing.assert_allclose(drawn_auc(label, score, bootstrap), expected, atol=1e-12)


def test_models_of_a_table_share_their_draws(answers):
    label, score, other = answers
    one, same = drawn_auc(label, score), drawn_auc(label, 2 * score + 1)
    np.testing.assert_array_equal(one, same)
    paired = interval(one - drawn_auc(label, other))
    alone = interval(one - drawn_auc(label, other, Bootstrap(seed=1)))
    assert paired[1] - paired[0] < alone[1] - alone[0]  # which is why rows are paired
    assert paired[0] > 0


def test_chunks_do_not_change_the_draws(answers, monkeypatch):
    label, score, _ = answers
    whole = drawn_auc(label, score, Bootstrap(draws=9))
    monkeypatch.setattr("recsys.board.bootstrap.CELLS", 700)
    np.testing.assert_array_equal(whole, drawn_auc(label, score, Bootstrap(draws=9)))


def test_the_spread_is_that_of_hanley_and_mcneil(answers):
    label, score, _ = answers
    area, m, n = roc_auc_score(label, score), label.sum(), (~label).sum()
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)
    assert drawn_auc(label, score).std() == pytest.approx(np.sqrt(variance / (m * n)), rel=0.2)


def test_a_draw_of_one_class_is_no_number():
    drawn = drawn_auc(np.array([1, 0]), np.array([0.9, 0.1]), Bootstrap(draws=30))
    assert np.isnan(drawn).any() and np.nanmin(drawn) == 1
    assert interval(drawn) == (1, 1)


def test_one_draw_is_refused():
    with pytest.raises(UserError, match="at least 2 draws, got 1"):
        Bootstrap(draws=1)
