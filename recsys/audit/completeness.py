"""Completeness: how far from retraining, read beside how far retrained models are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graphforget.core.metric import CLOSER_TO_ORACLE_IS_BETTER, HIGHER_IS_BETTER, metric
from graphforget.trained import Trained
from recsys.audit.asked import lists, parts, user_scores
from recsys.interactions import Interactions
from recsys.ranking import ranks, table


@dataclass(frozen=True)
class BesideFloor:
    """A distance to retrained models with its two controls.

    Args:
        after: of the unlearned models.
        none: of the originals, nothing done.
        floor: of retrained models from other retrained models.
    """

    after: float
    none: float
    floor: float


@metric(HIGHER_IS_BETTER)
def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Jaccard index of two lists of each user, shape ``(U,)``; NaN where both are empty.

    Args:
        first: items, -1 where a place is empty, shape ``(U, k)``.
        second: of the same form.

    >>> overlap(torch.tensor([[1, 2, 3]]), torch.tensor([[3, 1, 4]]))
    tensor([0.5000])
    """
    same = (first[:, :, None] == second[:, None]) & (first >= 0)[:, :, None]
    both = same.sum((1, 2))
    either = (first >= 0).sum(1) + (second >= 0).sum(1) - both
    return both / either


def list_distance(
    after: Sequence[Trained],
    none: Sequence[Trained],
    oracle: Sequence[Trained],
    floor: Sequence[Trained],
    users: Tensor,
    k: int = 20,
) -> BesideFloor:
    """One less the overlap of top-k lists with those of retrained models, mean over ``users``.

    Args:
        after: unlearned models.
        none: the originals.
        oracle: retrained models.
        floor: other retrained models.
        users: whose lists, such as those who took what a forgotten user took, shape ``(B,)``.
        k: length of the lists.
    """
    theirs = [lists(each, k)[users] for each in oracle]

    def far(arm: Sequence[Trained]) -> float:
        ours = [lists(each, k)[users] for each in arm]
        found = [overlap(a, b).nanmean() for a in ours for b in theirs]
        return 1 - float(torch.stack(found).mean())

    return BesideFloor(far(after), far(none), far(floor))


def neighbours(data: Interactions, users: Tensor, at_most: int = 200) -> Tensor:
    """The users who share most items with some others, those left out, shape ``(B,)``.

    Args:
        data: the log.
        users: shape ``(K,)``.
        at_most: how many.
    """
    taken = table(data.pairs, data.num_users, data.num_items).float()
    shared = taken @ taken[users].sum(0)
    shared[users] = 0
    best = shared.argsort(descending=True, stable=True)[:at_most]
    return best[shared[best] > 0]


@metric(CLOSER_TO_ORACLE_IS_BETTER)
def forgotten_ranks(trained: Trained, pairs: Tensor) -> Tensor:
    """Place of each forgotten pair's item in its user's list, 1 the first, shape ``(K,)``.

    For before, after and retrained models; items in the list are those that the user of this
    model's own log has not taken, and the one asked about.

    Args:
        trained: the model.
        pairs: users and items from 0, shape ``(2, K)``.
    """
    data, (users, place) = parts(trained)[1], pairs[0].unique(return_inverse=True)
    scores = user_scores(trained, users)
    seen = table(data.pairs, data.num_users, data.num_items)[users]
    return ranks(scores, seen, torch.stack([place, pairs[1]]))
