"""EASE: a linear recommender in closed form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.protocols import Learner
from graphforget.task import Task
from graphforget.trained import Trained
from recsys.learn.pairwise import ranking


class ItemItem(nn.Module):
    """Scores ``X B`` of a log ``X``, by the inverse Gram matrix that ``B`` is made of.

    The answer is a user's row of ``X`` and an item's column of ``B``, so that their inner product
    is the score. A user is known by the pairs in the graph that is asked about alone.

    Args:
        num_users: ``U``; the first nodes are users.
        num_items: ``I``.

    Attributes:
        inverse: ``P = (X^T X + lambda I)^-1``, shape ``(I, I)``, in double precision, because
            deletions are carried out on it one after another.
    """

    inverse: nn.Parameter

    def __init__(self, num_users: int, num_items: int) -> None:
        super().__init__()
        self.num_users = num_users
        self.inverse = nn.Parameter(torch.eye(num_items, dtype=torch.float64))

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Rows of ``X`` and columns of ``B``, shape ``(N, I)``."""
        users = log_matrix(edge_index, self.num_users, self.inverse.size(0))
        return torch.cat([users, weights(self.inverse).t()])


def log_matrix(edge_index: Tensor, num_users: int, num_items: int) -> Tensor:
    """The log ``X`` of zeros and ones in double precision, shape ``(U, I)``.

    Args:
        edge_index: pairs of nodes, users first, in both directions or one, shape ``(2, E)``.
        num_users: ``U``.
        num_items: ``I``.
    """
    found = torch.zeros(num_users, num_items, dtype=torch.float64, device=edge_index.device)
    found[edge_index.amin(0), edge_index.amax(0) - num_users] = 1.0
    return found


def weights(inverse: Tensor) -> Tensor:
    """``B_ij = -P_ij / P_jj`` off the diagonal, zero on it, shape ``(I, I)``.

    >>> weights(torch.tensor([[2.0, -1.0], [-1.0, 4.0]])).tolist()
    [[0.0, 0.25], [0.5, 0.0]]
    """
    found = inverse / -inverse.diagonal()
    return found - torch.diag(found.diagonal())


@dataclass(frozen=True)
class EASE(Learner):
    """Embarrassingly shallow autoencoders (Steck, WWW 2019).

    ``B`` minimises ``|X - X B|^2 + penalty |B|^2`` with a zero diagonal. It needs ``I^2`` numbers
    in double precision: 15 MB for 1,349 items, 20 GB for 50,000.

    Args:
        penalty: ``lambda``; 300 is the value of recsys_unlearning.md 5.3.
        most_items: refuse logs with more items, before memory runs out.
    """

    penalty: float = 300.0
    most_items: int = 30_000

    epochs = 1
    descends: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.penalty > 0:
            raise UserError(f"EASE penalty: wanted a number above 0, got {self.penalty!r}")

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        users = int((data.node_type == 0).sum())
        return ItemItem(users, int(data.num_nodes or 0) - users).to(data.edge_index.device)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        raise UserError("EASE: is solved in closed form and has no optimiser; retrain it instead")

    @torch.no_grad()
    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        ranking(self, task).check(data)
        model = self.build(data, task, seed)
        assert isinstance(model, ItemItem)
        items = model.inverse.size(0)
        if items > self.most_items:
            raise UserError(
                f"EASE: wanted at most {self.most_items} items, for which it inverts a matrix of "
                f"{8 * self.most_items**2 / 1e9:.0f} GB, got {items}; use WeightedMF or BPRMF, or "
                "raise most_items"
            )
        log = log_matrix(data.edge_index, model.num_users, items)
        gram = log.t() @ log
        gram.diagonal().add_(self.penalty)
        model.inverse.copy_(torch.cholesky_inverse(torch.linalg.cholesky(gram)))
        return Trained(model=model, data=data, task=task, learner=self, seed=seed)
