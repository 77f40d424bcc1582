"""Reverse training: let forgotten pairs lose against random items, and little else change."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from graphforget.core.errors import UserError
from graphforget.learn.trainer import descend
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.continued import check_descent
from recsys.learn.pairwise import ranking
from recsys.task import Rivals
from recsys.unlearn.importance import squared_gradients
from recsys.unlearn.pairwise import (
    forgotten_pairs,
    fresh_rows,
    learner_of,
    reverse_loss,
    summed_loss,
)
from recsys.unlearn.reasons import not_by_pairs

CHANCE = 0.6931
"""BPR loss of a pair that is as good as a random one, log 2."""


@dataclass(frozen=True)
class BoundedAscent(Unlearner):
    """Climb the mean BPR loss of the forgotten pairs, but no higher than a bound.

    Plain ascent has no stop and destroys the model; here what is minimised is ``relu(bound -
    loss)``, so that nothing pulls any more once the pairs are as good as random ones. The loss is
    BPR's without a penalty, whatever the learner's own is: that of others has another scale.

    Args:
        steps: number of steps.
        learning_rate: of Adam, that of the training at most.
        bound: in nats; log 2 is a pair that is as good as a random one.
    """

    steps: int = 20
    learning_rate: float = 0.001
    bound: float = CHANCE

    def __post_init__(self) -> None:
        check_descent("BoundedAscent", self.steps, self.learning_rate)
        if not self.bound > 0:
            raise UserError(f"BoundedAscent: bound: wanted nats above 0, got {self.bound!r}")

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return not_by_pairs(trained, request)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model, pairs = copy.deepcopy(trained.model), forgotten_pairs(trained, request)
        data, task = trained.data, ranking(learner_of(trained), trained.task)
        rivals = Rivals(data)

        def below(model: nn.Module, generator: Generator) -> Tensor:
            loss = task.pairwise_loss(model, data, pairs, rivals(pairs, generator))
            return (self.bound - loss).relu()

        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        descend(model, below, optimizer, self.steps, seed)
        fresh_rows(model, trained, request, seed)
        return trained.after(model, request, self, seed)


@dataclass(frozen=True)
class ReverseBPR(Unlearner):
    """Reverse BPR on the forgotten pairs, held back by the Fisher information (RRL, AAAI 2024).

    ``-log sigmoid(s_uj - s_ui)`` over the forgotten pairs, plus ``weight * sum_k F_k (theta_k -
    theta0_k)^2`` with the squared gradients ``F`` of all training pairs.

    Args:
        steps: number of steps.
        learning_rate: of Adam, that of the training at most.
        weight: of the penalty.
        batches: of training pairs that the Fisher information is taken from.
    """

    steps: int = 20
    learning_rate: float = 0.001
    weight: float = 1.0
    batches: int = 32

    def __post_init__(self) -> None:
        check_descent("ReverseBPR", self.steps, self.learning_rate)
        if not (self.weight >= 0 and isinstance(self.batches, int) and self.batches >= 1):
            raise UserError(
                "ReverseBPR: wanted a weight from 0 and batches from 1, got "
                f"{self.weight!r} and {self.batches!r}"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return not_by_pairs(trained, request)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model, pairs = copy.deepcopy(trained.model), forgotten_pairs(trained, request)
        everything, rivals = trained.task.train_items(trained.data), Rivals(trained.data)
        fisher = squared_gradients(
            model, lambda some: summed_loss(trained, model, trained.data, some, seed, rivals),
            everything, self.batches, seed,
        ).sums
        origin = [parameter.detach().clone() for parameter in model.parameters()]

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            away = reverse_loss(trained, model, trained.data, pairs, rivals(pairs, generator))
            moved = zip(fisher, model.parameters(), origin, strict=True)
            held = torch.stack([(f * (p - o).square()).sum() for f, p, o in moved]).sum()
            return away + self.weight * held / pairs.size(1)

        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        descend(model, loss, optimizer, self.steps, seed)
        fresh_rows(model, trained, request, seed)
        return trained.after(model, request, self, seed)
