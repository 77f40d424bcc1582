"""BPR-MF: matrix factorisation that puts taken items above others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from recsys.learn.pairwise import PairwiseLearner, Recommender


class Factors(Recommender):
    """A row of factors for every user and item, and a popularity for every item.

    The answer is ``[p_u, 1]`` for a user and ``[q_i, b_i]`` for an item, so that their inner
    product is ``p_u q_i + b_i``. Neither features nor edges are looked at.

    Args:
        num_users: ``U``; the first rows are users.
        num_items: ``I``.
        width: number of factors.

    >>> model = Factors(num_users=2, num_items=3, width=4)
    >>> model(torch.zeros(5, 0), torch.zeros(2, 0)).shape
    torch.Size([5, 5])
    """

    def __init__(self, num_users: int, num_items: int, width: int) -> None:
        super().__init__(num_users + num_items, width)
        self.popularity = torch.nn.Parameter(torch.zeros(num_items))
        self.num_users = num_users

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if hasattr(self, "popularity"):
            torch.nn.init.zeros_(self.popularity)

    def by_node(self) -> list[tuple[nn.Parameter, int]]:
        return [*super().by_node(), (self.popularity, self.num_users)]

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Rows of users and items, shape ``(N, D + 1)``."""
        last = torch.cat([self.popularity.new_ones(self.num_users), self.popularity])
        return torch.cat([self.rows, last[:, None]], dim=1)


@dataclass(frozen=True)
class BPRMF(PairwiseLearner):
    """Matrix factorisation by Bayesian personalised ranking (Rendle et al., UAI 2009).

    ``-log sigmoid(s_ui - s_uj) + penalty / 2 * (|p_u|^2 + |q_i|^2 + |q_j|^2)`` for each training
    pair ``(u, i)`` and a random item ``j`` that the user has not taken.
    """

    def module(self, data: Data) -> Factors:
        first = int((data.node_type == 0).sum())
        return Factors(first, int(data.num_nodes or 0) - first, self.width)
