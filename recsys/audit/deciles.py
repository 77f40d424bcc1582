"""Fairness: who pays for a deletion, users with few pairs or those with many?"""

from __future__ import annotations

import torch
from torch import Tensor

from graphforget.core.metric import HIGHER_IS_BETTER, LOWER_IS_BETTER, metric
from graphforget.trained import Trained
from recsys.audit.asked import parts, user_scores
from recsys.ranking import per_user, table
from recsys.task.ranking import absent_items


def activity_groups(activity: Tensor, groups: int = 10) -> Tensor:
    """The group of each user from the least to the most active, 0 to ``groups - 1``, ``(U,)``.

    Groups are of equal size; users with as many pairs are told apart by their ids.

    >>> activity_groups(torch.tensor([5, 1, 9, 2]), groups=2).tolist()
    [1, 0, 1, 0]
    """
    place = activity.argsort(stable=True).argsort()
    return place * groups // max(1, len(activity))


def group_means(values: Tensor, group: Tensor, groups: int = 10) -> Tensor:
    """Mean value of each group's users, those without a value left out, shape ``(groups,)``.

    Args:
        values: one a user, NaN where there is none, shape ``(U,)``.
        group: shape ``(U,)``.
        groups: their number.

    >>> group_means(torch.tensor([1.0, float("nan"), 3.0]), torch.tensor([0, 0, 1]), groups=2)
    tensor([1., 3.])
    """
    there = values.isfinite()
    sums = torch.zeros(groups).index_add_(0, group[there], values[there])
    return sums / group[there].bincount(minlength=groups)


def user_ndcg(trained: Trained, k: int = 20) -> Tensor:
    """NDCG@k of each user on his test items, NaN where he has none, shape ``(U,)``."""
    data = parts(trained)[1]
    scores = user_scores(trained)
    known = torch.cat([data.pairs, data.val_pairs], dim=1)
    seen, wanted = (
        table(pairs, data.num_users, data.num_items) for pairs in (known, data.test_pairs)
    )
    return per_user(scores, seen | absent_items(data), wanted, ks=(k,))[f"ndcg@{k}"]


@metric(HIGHER_IS_BETTER)
def decile_gaps(after: Trained, oracle: Trained, k: int = 20, groups: int = 10) -> Tensor:
    """NDCG@k less that of a retrained model, by decile of activity, shape ``(groups,)``.

    Deciles are of the users who are left, by their pairs in the retained log.

    Args:
        after: the unlearned model.
        oracle: a model retrained on the same log.
        k: length of the list.
        groups: their number.
    """
    data = parts(after)[1]
    activity = data.pairs[0].bincount(minlength=data.num_users)
    left = activity > 0
    difference = (user_ndcg(after, k) - user_ndcg(oracle, k))[left]
    return group_means(difference, activity_groups(activity[left], groups), groups)


@metric(LOWER_IS_BETTER)
def gini(amounts: Tensor) -> float:
    """Inequality of amounts, such as how often each item is shown: 0 equal, near 1 all to one.

    >>> round(gini(torch.tensor([1.0, 1.0, 1.0])), 6), gini(torch.tensor([0.0, 0.0, 0.0, 8.0]))
    (0.0, 0.75)
    """
    ordered = amounts.double().sort().values
    place = torch.arange(1, len(ordered) + 1)
    total = float(ordered.sum())
    if total == 0:
        return 0.0
    return float((2.0 * place - len(ordered) - 1).double() @ ordered) / (len(ordered) * total)
