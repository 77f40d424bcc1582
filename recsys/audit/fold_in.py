"""Fold-in probe: do the item tables still know a user whose own row is gone?

A removed user has no row to ask about. But a row can be fitted to half of his items, the items'
rows frozen, and then ask for the other half: if items were shaped by him, they go together better
under models that had him (evaluation.md 4.1.7).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from graphforget.audit.membership import Attack, per_example_attack
from graphforget.trained import Trained


def halves(pairs: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A random half of each user's pairs, and the other: two of about shape ``(2, K / 2)``.

    Users with a single pair are in neither.

    Args:
        pairs: users and items, shape ``(2, K)``.
        seed: of the draw.

    >>> pairs = torch.tensor([[0, 0, 0, 0, 1], [1, 2, 3, 4, 5]])
    >>> [half[0].tolist() for half in halves(pairs, seed=0)]
    [[0, 0], [0, 0]]
    """
    order = torch.randperm(pairs.size(1), generator=Generator().manual_seed(seed))
    order = order[pairs[0, order].argsort(stable=True)]
    users = pairs[0, order]
    size = users.bincount()
    place = torch.arange(len(order)) - (size.cumsum(0) - size)[users]
    many = size[users] > 1
    first = place < size[users] // 2
    return pairs[:, order[many & first]], pairs[:, order[many & ~first]]


def folded_in(items: Tensor, taken: Tensor, ridge: float = 0.1, unseen: float = 0.05) -> Tensor:
    """Rows for users from the items that they took, the items' rows frozen, shape ``(U, d)``.

    ``p = (Q^T C Q + ridge s I)^-1 Q^T C y`` with ``y`` one for taken items, weight one for those
    and ``unseen`` for the others (weighted least squares as in iALS); ``s`` is the mean squared
    length of a row, so that ``ridge`` means the same whatever the scale of the table.

    Args:
        items: rows ``Q``, shape ``(I, d)``.
        taken: bool, shape ``(U, I)``.
        ridge: weight of the users' squared norms.
        unseen: weight of items that were not taken.
    """
    scale = items.square().sum(1).mean()
    both = torch.einsum("ia,ib->iab", items, items).flatten(1)
    weight = unseen + (1 - unseen) * taken.to(items.dtype)
    gram = (weight @ both).view(-1, items.size(1), items.size(1))
    eye = torch.eye(items.size(1), dtype=items.dtype, device=items.device)
    return torch.linalg.solve(gram + ridge * scale * eye, taken.to(items.dtype) @ items)


def probed(items: Tensor, pairs: Tensor, seed: int) -> Tensor:
    """Margin of the second half of each user's items under a row fitted to the first, ``(K',)``.

    The margin is the score less the log-sum-exp of all items that the user did not take.

    Args:
        items: rows of a model's items, shape ``(I, d)``.
        pairs: training pairs of the removed users, users and items from 0, shape ``(2, K)``.
        seed: of the halves; the same for all models that are compared.
    """
    users, local = pairs[0].unique(return_inverse=True)
    own = torch.stack([local, pairs[1]])
    known, asked = halves(own, seed)
    taken = torch.zeros(len(users), len(items), dtype=torch.bool)
    taken[own[0], own[1]] = True
    shown = torch.zeros_like(taken)
    shown[known[0], known[1]] = True
    scores = folded_in(items, shown) @ items.t()
    against = scores.masked_fill(taken, -torch.inf).logsumexp(1)
    return scores[asked[0], asked[1]] - against[asked[0]]


@torch.no_grad()
def item_rows(trained: Trained) -> Tensor:
    """What a model answers for its items, shape ``(I, C)``."""
    data = trained.data
    return trained.model(data.x, data.edge_index)[data.node_type == 1]


def fold_in_attack(
    ours: Sequence[Trained], theirs: Sequence[Trained], pairs: Tensor, seed: int = 0
) -> Attack:
    """Tell unlearned from retrained item tables by what they say of removed users.

    Args:
        ours: unlearned models, at least 4.
        theirs: retrained models.
        pairs: training pairs of the removed users, users and items from 0, shape ``(2, K)``.
        seed: of the halves and the bootstrap.
    """
    here, there = (torch.stack([probed(item_rows(each), pairs, seed) for each in arm])
                   for arm in (ours, theirs))
    return per_example_attack(here, there, seed=seed)
