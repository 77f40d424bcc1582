"""A log small enough to think about: groups of users who take items of their own group."""

from __future__ import annotations

import torch

from recsys.interactions import Interactions


def planted_log(users: int = 60, items: int = 40, groups: int = 4, seed: int = 0) -> Interactions:
    """Users take half of their group's items, and a few strange ones that are to be memorised.

    Attribute ``group`` counts the groups from 1. A fifth of a user's pairs is for testing.
    """
    generator = torch.Generator().manual_seed(seed)
    mine, theirs = torch.arange(users) % groups, torch.arange(items) % groups
    chance = torch.where(mine[:, None] == theirs, 0.6, 0.04)
    taken = torch.rand(users, items, generator=generator) < chance
    taken[torch.arange(users), mine] = True  # nobody is left without a pair
    pairs = taken.nonzero().t()
    held = torch.rand(pairs.size(1), generator=generator) < 0.2
    held &= pairs[1] >= groups
    return Interactions.of(
        pairs[:, ~held], users, items, test=pairs[:, held], attributes={"group": mine + 1}
    )


def scores_of(trained) -> torch.Tensor:
    """Scores of all users and items, shape ``(U, I)``."""
    data = trained.data
    with torch.no_grad():
        output = trained.model(data.x, data.edge_index)
    return trained.task.scores(output, torch.arange(data.num_users), data)
