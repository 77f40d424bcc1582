"""Weighted matrix factorisation by alternating least squares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.protocols import Learner
from graphforget.task import Task
from graphforget.trained import Trained
from recsys.learn.pairwise import Recommender, ranking

ROWS_AT_ONCE = 256
"""Least-squares problems that are solved side by side, those of similar length together."""


class LeastSquaresFactors(Recommender):
    """A row of factors in double precision for every user and item; their inner product scores."""

    def __init__(self, num_nodes: int, width: int) -> None:
        super().__init__(num_nodes, width)
        self.rows = nn.Parameter(self.rows.detach().double())

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """The rows, shape ``(N, D)``; neither features nor edges are looked at."""
        return self.rows


@dataclass(frozen=True)
class WeightedMF(Learner):
    """iALS: implicit feedback as weighted least squares (Hu, Koren and Volinsky, ICDM 2008).

    ``sum_ui c_ui (y_ui - p_u q_i)^2 + penalty (|p|^2 + |q|^2)`` with ``y`` one and
    ``c = 1 + alpha`` for taken items, ``y`` zero and ``c`` one for all others.

    Args:
        width: number of factors.
        epochs: sweeps over users and items.
        alpha: weight of a taken item above that of any other.
        penalty: of the squared norms.
    """

    width: int = 32
    epochs: int = 15
    alpha: float = 5.0
    penalty: float = 30.0

    descends = False

    def __post_init__(self) -> None:
        whole = all(isinstance(size, int) and size >= 1 for size in (self.width, self.epochs))
        if not (whole and self.alpha >= 0 and self.penalty > 0):
            raise UserError(
                "WeightedMF: wanted width and epochs from 1, alpha from 0 and a penalty above 0, "
                f"got {self!r}"
            )

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = LeastSquaresFactors(int(data.num_nodes or 0), self.width)
        return model.to(data.edge_index.device)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        raise UserError("WeightedMF: is solved by least squares and has no optimiser; retrain it")

    @torch.no_grad()
    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        ranking(self, task).check(data)
        model = self.build(data, task, seed)
        assert isinstance(model, LeastSquaresFactors)
        halves = Halves(data)
        for _ in range(self.epochs):
            self.sweep(model.rows, halves)
        return Trained(model=model, data=data, task=task, learner=self, seed=seed)

    def sweep(self, rows: Tensor, halves: Halves) -> None:
        """Solve for all users and then for all items, in place.

        Args:
            rows: factors, shape ``(N, D)``.
            halves: the log.
        """
        users, items = rows[: halves.num_users], rows[halves.num_users :]
        users.copy_(solved(items, halves.of_users, self.alpha, self.penalty))
        items.copy_(solved(users, halves.of_items, self.alpha, self.penalty))

    def loss(self, model: nn.Module, data: Data, task: Task, generator: Generator) -> Tensor:
        """The weighted squared error with its penalty, over the number of training pairs."""
        output = model(data.x, data.edge_index)
        pairs = task.train_items(data)
        users = int((data.node_type == 0).sum())
        ours, theirs = output[:users], output[users:]
        taken = (output[pairs[0]] * output[pairs[1]]).sum(-1)
        everywhere = ((ours.t() @ ours) * (theirs.t() @ theirs)).sum()
        error = everywhere + (
            (1 + self.alpha) * (1 - taken).square() - taken.square()
        ).sum()
        return (error + self.penalty * output.square().sum()) / max(1, pairs.size(1))


class Halves:
    """A log as the items of each user and the users of each item.

    Attributes:
        num_users: ``U``.
        of_users: see `Lists`; of users, items counted from 0.
        of_items: the same of items.
    """

    def __init__(self, data: Data) -> None:
        self.num_users = int((data.node_type == 0).sum())
        num_items = int(data.num_nodes or 0) - self.num_users
        low, high = data.edge_index
        ours = low < high
        user, item = low[ours], high[ours] - self.num_users
        self.of_users = Lists(user, item, self.num_users)
        self.of_items = Lists(item, user, num_items)


class Lists:
    """For each of ``R`` rows a list of columns.

    Args:
        row: shape ``(E,)``.
        column: shape ``(E,)``.
        num_rows: ``R``.

    >>> lists = Lists(torch.tensor([1, 0, 1]), torch.tensor([5, 6, 7]), num_rows=2)
    >>> lists[torch.tensor([1, 0])]
    (tensor([[5, 7], [6, 0]]), tensor([[ True,  True], [ True, False]]))
    """

    def __init__(self, row: Tensor, column: Tensor, num_rows: int) -> None:
        self.count = row.bincount(minlength=num_rows)
        self._first = self.count.cumsum(0) - self.count
        self._column = column[row.argsort(stable=True)]

    def __getitem__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Columns of some rows, padded with 0, and where they are none: both ``(B, L)``."""
        longest = int(self.count[rows].max()) if len(rows) else 0
        place = torch.arange(longest, device=rows.device)
        there = place < self.count[rows][:, None]
        at = (self._first[rows][:, None] + place).masked_fill(~there, 0)
        columns = self._column[at] if len(self._column) else at
        return columns.masked_fill(~there, 0), there


def solved(other: Tensor, lists: Lists, alpha: float, penalty: float) -> Tensor:
    """``(Q^T C_u Q + penalty I)^-1 Q^T C_u y_u`` for every row, shape ``(R, D)``.

    Args:
        other: factors ``Q`` of the other side, shape ``(M, D)``.
        lists: what each row has taken of the other side.
        alpha: weight of a taken entry above that of any other.
        penalty: of the squared norms.

    >>> lists = Lists(torch.tensor([0]), torch.tensor([0]), num_rows=2)
    >>> solved(torch.ones(1, 1), lists, alpha=1.0, penalty=2.0).tolist()
    [[0.5], [0.0]]
    """
    width = other.size(1)
    base = other.t() @ other + penalty * torch.eye(width, dtype=other.dtype, device=other.device)
    result = other.new_zeros(len(lists.count), width)
    for rows in lists.count.argsort(stable=True).split(ROWS_AT_ONCE):
        columns, there = lists[rows]
        taken = other[columns] * there[..., None]
        left = base + alpha * taken.transpose(1, 2) @ taken
        right = (1 + alpha) * taken.sum(1)
        result[rows] = torch.cholesky_solve(right[..., None], torch.linalg.cholesky(left))[..., 0]
    return result
