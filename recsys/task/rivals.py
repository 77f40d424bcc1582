"""Items that a training pair is compared with: any that its user has not taken."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch_geometric.data import Data

ROUNDS = 8
"""Draws after which an item that the user has taken is let pass: he has taken nearly all."""


class Rivals:
    """Random items, of each user those he has not taken in the log that is trained on.

    A log without forgotten pairs has no trace of them here: they are drawn like any other.

    Args:
        data: the log; items of which no pair is left are drawn as well.

    >>> from recsys.interactions import Interactions
    >>> log = Interactions.of(torch.tensor([[0, 0, 0], [0, 1, 3]]), num_users=1, num_items=4)
    >>> pairs = log.edge_index[:, :3]
    >>> Rivals(log)(pairs, Generator().manual_seed(0)).tolist()  # item 2 is node 3
    [[0, 0, 0], [3, 3, 3]]
    """

    def __init__(self, data: Data) -> None:
        self.num_nodes = int(data.num_nodes or 0)
        self.first = int((data.node_type == 0).sum())
        ours = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
        self._taken = (ours[0] * self.num_nodes + ours[1]).sort().values

    def __call__(self, pairs: Tensor, generator: Generator) -> Tensor:
        """The users of some pairs, shape ``(2, K)``, each with an item he has not taken."""
        drawn = self._draw(pairs.size(1), generator, pairs.device)
        for _ in range(ROUNDS):
            wrong = self.taken(pairs[0], drawn).nonzero().flatten()
            if not len(wrong):
                break
            drawn[wrong] = self._draw(len(wrong), generator, pairs.device)
        return torch.stack([pairs[0], drawn])

    def taken(self, users: Tensor, items: Tensor) -> Tensor:
        """Whether users have taken items, nodes both, bool, shape ``(K,)``."""
        if not len(self._taken):
            return torch.zeros_like(users, dtype=torch.bool)
        codes = users * self.num_nodes + items
        place = torch.searchsorted(self._taken, codes).clamp(max=len(self._taken) - 1)
        return self._taken[place] == codes

    def _draw(self, count: int, generator: Generator, device: torch.device) -> Tensor:
        drawn = torch.randint(
            self.first, self.num_nodes, (count,), generator=generator, device=generator.device
        )
        return drawn.to(device)
