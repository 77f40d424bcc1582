"""Truncated generalised cross-entropy: what the model does not believe at all counts no more."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import count

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.aside import aside
from graphforget.learn.checks import classes_of
from graphforget.learn.robust.gce import GCE
from graphforget.protocols import Objective
from graphforget.task import Task


def believed(logits: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """Whether the given label has more than ``threshold`` of the probability, shape ``(K,)``.

    >>> believed(torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0]), 0.5)
    tensor([ True, False])
    """
    p = logits.softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return p > threshold


@dataclass(frozen=True)
class TruncatedGCE(GCE):
    """Train on the generalised cross-entropy of the labels that the model itself believes.

    Zhang and Sabuncu, NeurIPS 2018, section 3.3: below the threshold ``k`` the loss is the constant
    ``L_q(k)``, whose gradient is nothing. It is minimised in turns (their algorithm 1): after
    ``prune_from`` epochs on all nodes, every ``prune_every`` epochs the model in evaluation mode
    says which labels it believes, and until the next time only those are trained on. The paper
    asks the best model so far; here it is the present one, so that no held-out label is read.

    Args:
        threshold: probability ``k`` of the given label below which a node is left out.
        prune_from: epochs on all nodes. The paper takes 40, of hundreds of steps each; after 40
            steps on a whole graph hardly any label has half of the probability.
        prune_every: epochs between two choices.
    """

    threshold: float = 0.5
    prune_from: int = 150
    prune_every: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.prune_from, int) and isinstance(self.prune_every, int)
        if not (0 <= self.threshold < 1 and whole and self.prune_from >= 0 < self.prune_every):
            raise UserError(
                "TruncatedGCE: wanted a threshold from 0 to below 1 and whole numbers of epochs, "
                f"got threshold {self.threshold!r}, prune_from {self.prune_from!r}, prune_every "
                f"{self.prune_every!r}"
            )

    def course(self, data: Data, task: Task, seed: int) -> Objective:
        return self._pruned(data, task, seed, self.prune_from)

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        """The loss from the first choice on: a model to go on with has beliefs already."""
        return self._pruned(data, task, seed, 0)

    def _pruned(self, data: Data, task: Task, seed: int, first: int) -> Objective:
        classes_of(type(self).__name__, task)
        parts, whole, steps = self.parts(data, seed), self.inputs(data), self.steps(data)
        taken = count()
        kept: Tensor | None = None

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            nonlocal kept
            epoch, within = divmod(next(taken), steps)
            if within == 0 and epoch >= first and (epoch - first) % self.prune_every == 0:
                kept = self._kept(model, whole, task)
            part = next(parts)
            if kept is not None:
                part = copy.copy(part)
                part.train_mask = part.train_mask & kept[part.n_id]
            return self.loss(model, part, task, generator)

        return loss

    def _kept(self, model: nn.Module, data: Data, task: Task) -> Tensor:
        """Which training nodes have a label that the model believes, shape ``(N,)``."""
        items = task.train_items(data)
        with aside(model):
            trusted = believed(task.logits(model, data, items), data.y[items], self.threshold)
        kept = torch.zeros_like(data.train_mask)
        kept[items] = trusted
        return kept
