"""Neural collaborative filtering: factors and a hidden layer that sees both sides."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.task import Task
from recsys.learn.pairwise import PairwiseLearner, Recommender
from recsys.task import Ranking


class NeuralFactors(Recommender):
    """Two towers over an embedding of every node: factors and inputs of a joint hidden layer.

    The answer of a node is ``[g, h]``: ``g`` is multiplied with that of the other side (the GMF
    branch), ``h`` added to it under a ReLU (the MLP branch), as `Ranking` with ``joint`` reads
    it. Weights after the ReLU are folded into ``h``: ``v relu(a) = sign(v) relu(|v| a)``.

    Args:
        num_users: ``U``; the first rows are users.
        num_items: ``I``.
        width: of the embeddings and of ``g``.
        hidden: of the joint layer, an even number.
    """

    def __init__(self, num_users: int, num_items: int, width: int, hidden: int) -> None:
        nn.Module.__init__(self)
        self.num_users = num_users
        self.rows = nn.Parameter(torch.empty(num_users + num_items, 2 * width))
        self.towers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden))
            for _ in range(2)
        )
        self.popularity = nn.Parameter(torch.zeros(num_items))
        self.width = width
        self.reset_parameters()

    def reset_parameters(self) -> None:
        super().reset_parameters()
        nn.init.zeros_(self.popularity)

    def by_node(self) -> list[tuple[nn.Parameter, int]]:
        return [*super().by_node(), (self.popularity, self.num_users)]

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Factors, popularity and hidden inputs of every node, shape ``(N, D + 1 + H)``."""
        factors, inputs = self.rows.split(self.width, dim=1)
        last = torch.cat([self.popularity.new_ones(self.num_users), self.popularity])
        sides = (inputs[: self.num_users], inputs[self.num_users :])
        hidden = [tower(side) for tower, side in zip(self.towers, sides, strict=True)]
        return torch.cat([factors, last[:, None], torch.cat(hidden)], dim=1)


@dataclass(frozen=True)
class NeuralCF(PairwiseLearner):
    """NeuMF (He et al., Neural collaborative filtering, WWW 2017), for ``Ranking(joint=hidden)``.

    Trained as published by cross-entropy: each training pair against ``negatives`` items that its
    user has not taken. The towers have one layer of their own below the joint one.

    Args:
        hidden: width of the joint hidden layer, which the task has to be told as ``joint``.
        negatives: items that each training pair is compared with.
    """

    penalty: float = 0.02
    hidden: int = 32
    negatives: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.hidden, int) and self.hidden >= 2 and self.hidden % 2 == 0):
            raise UserError(f"NeuralCF hidden: wanted an even number from 2, got {self.hidden!r}")
        if not (isinstance(self.negatives, int) and self.negatives >= 1):
            raise UserError(f"NeuralCF negatives: wanted at least 1, got {self.negatives!r}")

    def module(self, data: Data) -> NeuralFactors:
        first = int((data.node_type == 0).sum())
        return NeuralFactors(first, int(data.num_nodes or 0) - first, self.width, self.hidden)

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        if not isinstance(task, Ranking) or task.joint != self.hidden:
            raise UserError(
                f"NeuralCF: wanted the task Ranking(joint={self.hidden}), which reads its hidden "
                f"layer, got {task!r}"
            )
        return super().build(data, task, seed)

    def pair_loss(
        self, model: nn.Module, data: Data, task: Ranking, pairs: Tensor, rivals: Tensor
    ) -> Tensor:
        """Cross-entropy of pairs, which are to be taken, and rivals, which are not; per pair."""
        logits = task.logits(model, data, torch.cat([pairs, rivals], dim=1))
        truth = torch.zeros_like(logits)
        truth[: pairs.size(1)] = 1.0
        loss = F.binary_cross_entropy_with_logits(logits, truth, reduction="sum")
        return loss / max(1, pairs.size(1))
