"""Ranking metrics: the list is as long as asked, the ideal is reachable, nothing seen is shown."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.metrics import ndcg_score

from recsys.ranking import hits, ndcg, per_user, ranking_metrics, ranks, table, top_items

SCORES = torch.rand(12, 30, generator=torch.Generator().manual_seed(0))
DRAW = torch.rand(12, 30, generator=torch.Generator().manual_seed(1))
SEEN, TEST = DRAW < 0.3, DRAW > 0.8


def test_ndcg_is_scikit_learns_where_all_items_fit():
    ours = per_user(SCORES, torch.zeros_like(SEEN), TEST, ks=(30,))["ndcg@30"]
    theirs = [ndcg_score(TEST[None, u].int().numpy(), SCORES[None, u].numpy()) for u in range(12)]
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)


def test_a_full_list_of_hits_is_perfect_however_many_test_items_there_are():
    everything = torch.ones(1, 30, dtype=torch.bool)
    found = per_user(SCORES[:1], torch.zeros(1, 30, dtype=torch.bool), everything, ks=(5,))
    assert float(found["ndcg@5"]) == 1.0
    assert math.isclose(float(found["recall@5"]), 5 / 30, rel_tol=1e-6)


def test_what_a_user_has_is_never_shown_and_never_counts():
    top = top_items(SCORES, SEEN, 30)
    for user, items in enumerate(top.tolist()):
        new = (~SEEN[user]).nonzero().flatten().tolist()
        assert sorted(item for item in items if item >= 0) == new
    assert not hits(top, SEEN).any()


def test_users_without_test_items_are_left_out_of_the_mean():
    train, test = SEEN.nonzero().t(), TEST.nonzero().t()
    alone = test[:, test[0] != 3]
    with_him, without = (ranking_metrics(SCORES, train, pairs) for pairs in (test, alone))
    others = per_user(SCORES, SEEN, table(alone, 12, 30))["ndcg@10"]
    assert math.isnan(float(others[3]))
    assert math.isclose(without["ndcg@10"], float(others[others.isfinite()].mean()), rel_tol=1e-6)
    assert with_him != without


def test_scores_of_seen_items_change_nothing():
    train, test = SEEN.nonzero().t(), TEST.nonzero().t()
    poisoned = SCORES.masked_fill(SEEN, 1e6)
    assert ranking_metrics(poisoned, train, test) == ranking_metrics(SCORES, train, test)


def test_lists_longer_than_the_catalogue_hold_no_items_twice():
    top = top_items(SCORES[:, :4], SEEN[:, :4], 9)
    assert top.shape == (12, 9)
    assert bool((top[:, 4:] == -1).all())
    assert float(ndcg(torch.zeros(1, 9, dtype=torch.bool), torch.tensor([2]))) == 0.0


def test_ranks_put_a_forgotten_item_among_what_is_not_seen():
    pairs = torch.tensor([[0, 1], [4, 7]])
    found = ranks(SCORES, SEEN, pairs)
    for at, (user, item) in enumerate(pairs.t().tolist()):
        rivals = [float(SCORES[user, j]) for j in range(30) if j != item and not SEEN[user, j]]
        assert float(found[at]) == 1 + sum(rival > float(SCORES[user, item]) for rival in rivals)
