"""The solver that shrinks the student's weights and trains it up again in a hurry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from graphforget.learn.state import optimizer_state
from graphforget.learn.trainer import descend
from graphforget.trained import Trained
from graphforget.unlearn.continued import check_share
from graphforget.unlearn.d2dgn.problem import Problem
from graphforget.unlearn.d2dgn.solver import Solver

AVERAGED = 6
"""The weights are averaged over about the last of this many parts of the steps."""


@dataclass(frozen=True)
class Shrunk(Solver):
    """Multiply all weights by a factor, then take a few long steps and average the last ones.

    Where a training without weight decay is merely resumed, nothing pulls at what was memorised.
    Shrinking fades everything at once; what the retained data holds grows back within a few
    percent of the training, and what only the forgotten data held does not. After shrink and
    perturb (Ash and Adams, NeurIPS 2020); the noise that they add made no difference here.

    Args:
        keep: factor on the weights.
        share: steps as a share of the original training's.
        faster: learning rate in units of the original training's.
    """

    keep: float = 0.25
    share: float = 0.1
    faster: float = 10.0

    def __post_init__(self) -> None:
        check_share("Shrunk solver", self.share)
        if not (0 <= self.keep <= 1 and self.faster > 0):
            raise UserError(
                "Shrunk solver: wanted keep from 0 to 1 and faster above 0, got "
                f"{self.keep!r} and {self.faster!r}"
            )

    def supports(self, trained: Trained) -> str | None:
        if trained.learner is None:
            return "the learning rate is the learner's, and the model came without; pass Fresh"
        return None

    def minimise(
        self, student: nn.Module, problem: Problem, trained: Trained, seed: int
    ) -> Mapping[str, Tensor]:
        assert trained.learner is not None
        with torch.no_grad():
            for parameter in student.parameters():
                parameter.mul_(self.keep)
        optimizer = trained.learner.optimizer(student.parameters())
        for group in optimizer.param_groups:
            group["lr"] *= self.faster
            if problem.training is None:
                group["weight_decay"] = 0.0
        steps = math.ceil(self.share * trained.learner.epochs) * trained.learner.steps(trained.data)
        average = Average(student, min(1.0, AVERAGED / steps))
        descend(student, problem, optimizer, steps, seed, callbacks=[average])
        average.put()
        return optimizer_state(student, optimizer)


class Average(pl.Callback):
    """An exponential average of a network's weights over the steps of a descent.

    Args:
        model: the network in training.
        weight: of the newest weights.
    """

    def __init__(self, model: nn.Module, weight: float) -> None:
        self._model, self._weight = model, weight
        self._mean = [parameter.detach().clone() for parameter in model.parameters()]

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take in the weights after a step."""
        for mean, parameter in zip(self._mean, self._model.parameters(), strict=True):
            mean.lerp_(parameter.to(mean.device), self._weight)

    @torch.no_grad()
    def put(self) -> None:
        """Set the network's weights to their average."""
        for mean, parameter in zip(self._mean, self._model.parameters(), strict=True):
            parameter.copy_(mean)
