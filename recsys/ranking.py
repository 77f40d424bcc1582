"""Ranking metrics over score matrices: NDCG, recall and hit rate of the first K items.

They are here, below everything that scores or trains, because tasks and audits both need them.
The ideal list of NDCG is as long as it can be, ``min(K, |test|)``: dividing by all test items of a
user, as a published benchmark does, punishes active users and turns the sign of the fairness gap
(recsys_unlearning.md section 5.1). What a user has in training is never recommended. Users without
test items count nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

KS = (10, 20)
"""Lengths of the list that are reported."""


def table(pairs: Tensor, num_users: int, num_items: int) -> Tensor:
    """Pairs as a bool table of users by items, shape ``(U, I)``.

    Args:
        pairs: users and items, each counted from 0, int64, shape ``(2, K)``.
        num_users: ``U``.
        num_items: ``I``.

    >>> table(torch.tensor([[0, 1], [2, 0]]), 2, 3).int().tolist()
    [[0, 0, 1], [1, 0, 0]]
    """
    found = torch.zeros(num_users, num_items, dtype=torch.bool, device=pairs.device)
    found[pairs[0], pairs[1]] = True
    return found


def masked(scores: Tensor, seen: Tensor) -> Tensor:
    """The scores with minus infinity where a user has the item already.

    Args:
        scores: shape ``(U, I)``; not changed.
        seen: training pairs, bool, shape ``(U, I)``.

    >>> masked(torch.tensor([[1.0, 2.0]]), torch.tensor([[False, True]]))
    tensor([[1., -inf]])
    """
    return scores.masked_fill(seen, -torch.inf)


def top_items(scores: Tensor, seen: Tensor, k: int) -> Tensor:
    """The ``k`` best items of each user that he does not have, best first, shape ``(U, k)``.

    Places that no item is left for hold -1; so do lists longer than there are items.

    >>> top_items(torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[True, False, False]]), 3)
    tensor([[ 1,  2, -1]])
    """
    values, items = masked(scores, seen).topk(min(k, scores.size(1)), dim=1)
    items = items.masked_fill(values == -torch.inf, -1)
    return torch.nn.functional.pad(items, (0, max(0, k - items.size(1))), value=-1)


def hits(top: Tensor, relevant: Tensor) -> Tensor:
    """Which places of the lists hold a relevant item, bool, shape ``(U, k)``.

    Args:
        top: items by place, -1 where there is none, shape ``(U, k)``.
        relevant: test pairs, bool, shape ``(U, I)``.
    """
    return relevant.gather(1, top.clamp(min=0)) & (top >= 0)


def ndcg(found: Tensor, count: Tensor) -> Tensor:
    """Normalised discounted cumulative gain of each user, shape ``(U,)``.

    ``DCG = sum over places p of hit_p / log2(p + 1)``, over that of ``min(K, count)`` hits in
    the first places; NaN for a user who has no test item.

    Args:
        found: whether place ``p`` holds a test item, bool, shape ``(U, K)``.
        count: test items of each user, shape ``(U,)``.

    >>> ndcg(torch.tensor([[True, False, True]]), torch.tensor([2]))
    tensor([0.9197])
    >>> ndcg(torch.tensor([[True, True]]), torch.tensor([40]))  # full lists of active users count
    tensor([1.])
    """
    k = found.size(1)
    gain = 1 / torch.arange(2, k + 2, device=found.device, dtype=torch.float32).log2()
    ideal = torch.cat([gain.new_full((1,), torch.nan), gain.cumsum(0)])
    return found.float() @ gain / ideal[count.clamp(max=k)]


def recall(found: Tensor, count: Tensor) -> Tensor:
    """Share of each user's test items that his list holds, shape ``(U,)``; NaN where none.

    >>> recall(torch.tensor([[True, False]]), torch.tensor([4]))
    tensor([0.2500])
    """
    return found.sum(1) / count


def hit_rate(found: Tensor, count: Tensor) -> Tensor:
    """Whether each user's list holds any test item, 0 or 1, shape ``(U,)``; NaN where none.

    >>> hit_rate(torch.tensor([[False, True], [False, False]]), torch.tensor([4, 0]))
    tensor([1., nan])
    """
    return torch.where(count > 0, found.any(1).float(), torch.nan)


def per_user(
    scores: Tensor, seen: Tensor, relevant: Tensor, ks: Sequence[int] = KS
) -> dict[str, Tensor]:
    """Every ranking metric of each user, by name, each ``(U,)``; NaN where nothing can be hit.

    Args:
        scores: shape ``(U, I)``.
        seen: what each user has already, bool, shape ``(U, I)``.
        relevant: test pairs, bool, shape ``(U, I)``; what is also in ``seen`` does not count.
        ks: lengths of the list.
    """
    relevant = relevant & ~seen
    top, count = top_items(scores, seen, max(ks)), relevant.sum(1)
    found = hits(top, relevant)
    measures = {"ndcg": ndcg, "recall": recall, "hit": hit_rate}
    return {
        f"{name}@{k}": measure(found[:, :k], count)
        for k in ks
        for name, measure in measures.items()
    }


def ranking_metrics(
    scores: Tensor, train: Tensor, test: Tensor, ks: Sequence[int] = KS
) -> dict[str, float]:
    """Mean of every ranking metric over the users who have test items.

    Args:
        scores: shape ``(U, I)``.
        train: training pairs, users and items from 0, shape ``(2, E)``; they are masked.
        test: test pairs, shape ``(2, K)``.
        ks: lengths of the list.

    Returns:
        ``ndcg@k``, ``recall@k`` and ``hit@k`` for each ``k``; NaN without a test pair.

    >>> scores = torch.tensor([[9.0, 3.0, 2.0], [1.0, 2.0, 9.0]])
    >>> train, test = torch.tensor([[0], [0]]), torch.tensor([[0, 1], [1, 1]])
    >>> ranking_metrics(scores, train, test, ks=(1, 2))["ndcg@2"]  # places 1 and 2
    0.8154...
    """
    users, items = scores.shape
    seen, relevant = table(train, users, items), table(test, users, items)
    found = per_user(scores, seen, relevant, ks)
    return {name: float(values.nanmean()) for name, values in found.items()}


def ranks(scores: Tensor, seen: Tensor, pairs: Tensor) -> Tensor:
    """Place of each pair's item in its user's list, 1 is the first; ties count half, ``(K,)``.

    The item itself stands in the list although it may be among what the user has: this is how far
    up a forgotten item would be recommended.

    Args:
        scores: shape ``(U, I)``.
        seen: what each user has already, bool, shape ``(U, I)``.
        pairs: users and items, shape ``(2, K)``.

    >>> ranks(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[True, False, True]]),
    ...       torch.tensor([[0, 0], [1, 2]]))
    tensor([1., 1.])
    """
    users, items = pairs
    rivals, own = masked(scores, seen)[users], scores[users, items][:, None]
    others = torch.ones_like(rivals, dtype=torch.bool).scatter_(1, items[:, None], False)
    above = ((rivals > own) & others).sum(1)
    level = ((rivals == own) & others).sum(1)
    return 1.0 + above + level / 2
