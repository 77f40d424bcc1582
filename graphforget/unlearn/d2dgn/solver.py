"""How the student moves: plain steps, or steps with the learner's optimiser restored."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from graphforget.core.errors import UserError
from graphforget.learn.state import optimizer_state, restore_optimizer
from graphforget.learn.trainer import descend
from graphforget.trained import Trained
from graphforget.unlearn.continued import check_share
from graphforget.unlearn.d2dgn.problem import Problem


class Solver(ABC):
    """Minimises a problem over a student, in place."""

    def supports(self, trained: Trained) -> str | None:
        """Why this solver cannot start from the model, or None."""
        return None

    @abstractmethod
    def minimise(
        self, student: nn.Module, problem: Problem, trained: Trained, seed: int
    ) -> Mapping[str, Tensor]:
        """Move the student and leave it in eval mode.

        Args:
            student: the network, starting where it is.
            problem: what to minimise; weight decay goes with the training objective.
            trained: the original, for its learner's optimiser and that optimiser's state.
            seed: of what the problem draws.

        Returns:
            The optimiser's state, for a next request; empty where there is none.
        """


@dataclass(frozen=True)
class Fresh(Solver):
    """Adam from scratch without weight decay, as published.

    Args:
        steps: number of steps.
        learning_rate: of Adam.
    """

    steps: int = 200
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if not (isinstance(self.steps, int) and self.steps >= 1 and self.learning_rate > 0):
            raise UserError(
                f"Fresh solver: wanted steps from 1 and a positive learning rate, got {self}"
            )

    def minimise(
        self, student: nn.Module, problem: Problem, trained: Trained, seed: int
    ) -> Mapping[str, Tensor]:
        optimizer = torch.optim.Adam(student.parameters(), lr=self.learning_rate)
        descend(student, problem, optimizer, self.steps, seed)
        return {}


@dataclass(frozen=True)
class Restored(Solver):
    """The learner's optimiser with its state restored: the second moment keeps the rest in place.

    Args:
        share: steps as a share of the original training's.
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_share("Restored solver", self.share)

    def supports(self, trained: Trained) -> str | None:
        return no_state(trained)

    def minimise(
        self, student: nn.Module, problem: Problem, trained: Trained, seed: int
    ) -> Mapping[str, Tensor]:
        assert trained.learner is not None
        optimizer = trained.learner.optimizer(student.parameters())
        restore_optimizer(student, optimizer, trained.optimizer)
        if problem.training is None:
            for group in optimizer.param_groups:
                group["weight_decay"] = 0.0
        steps = math.ceil(self.share * trained.learner.epochs) * trained.learner.steps(trained.data)
        descend(student, problem, optimizer, steps, seed)
        return optimizer_state(student, optimizer)


def weight_decay(trained: Trained) -> float:
    """The weight decay that the model was trained with."""
    assert trained.learner is not None
    group = trained.learner.optimizer(trained.model.parameters()).param_groups[0]
    return float(group.get("weight_decay", 0.0))


def no_state(trained: Trained) -> str | None:
    """Why a restored optimiser cannot be had, or None."""
    if trained.learner is None or not trained.optimizer:
        return (
            "the run holds no learner with an optimiser state to go on with; train again with "
            "this version, or pass a Fresh solver"
        )
    return None
