"""Choosing some of many: at random, or those with the highest score."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from graphforget.core.errors import UserError


def draw(pool: Tensor, count: int, seed: int, what: str) -> tuple[Any, ...]:
    """Draw ``count`` items at random, all equally likely.

    Args:
        pool: nodes, shape ``(K,)``, or edges, shape ``(2, K)``.
        count: how many.
        seed: the same seed draws the same items.
        what: what the items are called in the error.

    Returns:
        Ids, or pairs of ids, as a request takes them.

    Raises:
        UserError: the pool has fewer.
    """
    return highest(pool, torch.zeros(pool.shape[-1]), count, seed, what)


def highest(pool: Tensor, score: Tensor, count: int, seed: int, what: str) -> tuple[Any, ...]:
    """Take the ``count`` items with the highest ``score``, shape ``(K,)``.

    The seed decides between equals; otherwise like `draw`.

    Example:
        >>> highest(torch.tensor([5, 6, 7]), torch.tensor([0.1, 0.9, 0.4]), 2, 0, "nodes")
        (6, 7)
    """
    there = pool.shape[-1]
    if there == 0:
        raise UserError(f"cannot sample {count} {what}: there are none")
    if not 1 <= count <= there:
        raise UserError(f"cannot sample {count} {what}: there are {there}; ask for 1 to {there}")
    order = torch.randperm(there, generator=Generator().manual_seed(seed))
    best = order[score.cpu()[order].argsort(descending=True, stable=True)[:count]]
    chosen = pool[..., best]
    return tuple(map(tuple, chosen.t().tolist())) if pool.dim() == 2 else tuple(chosen.tolist())
