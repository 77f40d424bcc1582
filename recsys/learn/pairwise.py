"""What learners of rankings by descent share: batches of pairs, each against another item."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.state import Snapshots, optimizer_state
from graphforget.learn.trainer import descend
from graphforget.protocols import Learner, Objective
from graphforget.task import Task
from graphforget.trained import Trained
from recsys.task import Ranking, Rivals


class Recommender(nn.Module):
    """A network that gives every user and item a row, ``forward(x, edge_index) -> (N, C)``.

    Attributes:
        rows: the trained embedding of every node, shape ``(N, D)``; it alone is penalised.
    """

    rows: nn.Parameter

    def __init__(self, num_nodes: int, width: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(num_nodes, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all rows anew, small and around zero."""
        nn.init.normal_(self.rows, std=0.1)

    def by_node(self) -> list[tuple[nn.Parameter, int]]:
        """Parameters with an entry for each node, and the node that their first one is of."""
        return [(self.rows, 0)]


@dataclass(frozen=True)
class PairwiseLearner(Learner):
    """Adam on batches of training pairs, for a `Ranking`.

    Args:
        width: of the embeddings.
        epochs: passes over the training pairs.
        learning_rate: step size of Adam.
        penalty: weight of the squared norm of the rows in a batch, per pair. It is part of the
            loss: rows that a batch does not touch are left alone.
        batch_size: pairs a step.
        snapshots: shares of the training after which weights and optimiser state are kept, for
            unlearners that rewind.
    """

    width: int = 32
    epochs: int = 20
    learning_rate: float = 0.005
    penalty: float = 0.02
    batch_size: int = 1024
    snapshots: tuple[float, ...] = (0.5, 0.75, 0.9)

    negatives = 1
    """Rivals of each pair."""

    transductive = True

    def __post_init__(self) -> None:
        checks = {
            "width": isinstance(self.width, int) and self.width >= 1,
            "epochs": isinstance(self.epochs, int) and self.epochs >= 1,
            "learning_rate": self.learning_rate > 0,
            "penalty": self.penalty >= 0,
            "batch_size": isinstance(self.batch_size, int) and self.batch_size >= 1,
            "snapshots": all(0 < share <= 1 for share in self.snapshots),
        }
        for name, holds in checks.items():
            if not holds:
                raise UserError(
                    f"{type(self).__name__} {name}: {getattr(self, name)!r} is out of range; "
                    "sizes count from 1, rates and weights are not negative, snapshots are "
                    "shares up to 1"
                )

    @abstractmethod
    def module(self, data: Data) -> Recommender:
        """A new network with weights drawn from torch's global generator."""

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self.module(data).to(data.edge_index.device)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return torch.optim.Adam(parameters, lr=self.learning_rate)

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        ranking(self, task).check(data)
        model = self.build(data, task, seed)
        optimizer = self.optimizer(model.parameters())
        steps = self.steps(data)
        marks = {round(share * self.epochs) for share in self.snapshots}
        keep = Snapshots(model, optimizer, {epoch * steps: epoch for epoch in sorted(marks)})
        objective = self.objective(data, task, seed)
        descend(model, objective, optimizer, self.epochs * steps, seed, callbacks=[keep])
        return Trained(
            model=model,
            data=data,
            task=task,
            learner=self,
            seed=seed,
            optimizer=optimizer_state(model, optimizer),
            snapshots=keep.taken,
        )

    def steps(self, data: Data) -> int:
        return max(1, math.ceil(data.edge_index.size(1) / 2 / self.batch_size))

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        """The loss of one step: on the next batch of the pairs in an order of the seed's."""
        batches, rivals = self.batches(data, task, seed), Rivals(data)
        return lambda model, generator: self.batch_loss(
            model, data, task, next(batches), generator, rivals
        )

    def loss(self, model: nn.Module, data: Data, task: Task, generator: Generator) -> Tensor:
        return self.batch_loss(model, data, task, task.train_items(data), generator)

    def batches(self, data: Data, task: Task, seed: int) -> Iterator[Tensor]:
        """Batches of pairs, epoch after epoch without end, each of shape ``(2, B)``."""
        pairs, generator = task.train_items(data), Generator().manual_seed(seed)
        while True:
            order = torch.randperm(pairs.size(1), generator=generator).to(pairs.device)
            yield from pairs[:, order].split(self.batch_size, dim=1)

    def batch_loss(
        self,
        model: nn.Module,
        data: Data,
        task: Task,
        pairs: Tensor,
        generator: Generator,
        rivals: Rivals | None = None,
    ) -> Tensor:
        """The loss of some pairs, each with a rival of its own, and what their rows weigh.

        Args:
            model: the network.
            data: the log it looks at.
            task: a `Ranking`.
            pairs: user and item nodes, shape ``(2, K)``.
            generator: draws the rivals.
            rivals: where they are drawn from, for who asks more than once.
        """
        against = (rivals or Rivals(data))(pairs.repeat(1, self.negatives), generator)
        loss = self.pair_loss(model, data, ranking(self, task), pairs, against)
        rows = getattr(model, "rows", None)
        if rows is None or not self.penalty:
            return loss
        touched = rows[torch.cat([pairs.flatten(), against[1]])]
        return loss + self.penalty / 2 * touched.square().sum() / max(1, pairs.size(1))

    def pair_loss(
        self, model: nn.Module, data: Data, task: Ranking, pairs: Tensor, rivals: Tensor
    ) -> Tensor:
        """Mean loss of some pairs against their rivals: BPR unless a learner has another.

        Args:
            model: the network.
            data: the log it looks at.
            task: reads the network.
            pairs: shape ``(2, K)``.
            rivals: `negatives` times as many.
        """
        return task.pairwise_loss(model, data, pairs, rivals)


def ranking(learner: Learner, task: Task) -> Ranking:
    """The task of a learner that can do no other."""
    if not isinstance(task, Ranking):
        raise UserError(
            f"{type(learner).__name__}: wanted a Ranking, got {type(task).__name__}; graphs of "
            "other kinds have learners in graphforget.learn"
        )
    return task
