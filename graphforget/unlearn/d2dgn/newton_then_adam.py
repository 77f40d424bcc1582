"""One short step of Newton's, then the learner's own optimiser where training left it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from graphforget.core.errors import UserError
from graphforget.learn.state import optimizer_state, restore_optimizer
from graphforget.learn.trainer import descend
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn.newton import Newton
from graphforget.unlearn.d2dgn.problem import Problem
from graphforget.unlearn.d2dgn.solver import Solver


@dataclass(frozen=True)
class NewtonThenAdam(Solver):
    """A short `Newton` step, then steps of the learner's optimiser with its state restored.

    The curvature at the original says little of where a whole class or a memorised label leads
    to. A few products go most of the way in the directions that matter; from there plain steps,
    which look at the slope anew each time, are worth more than further products at the same cost.
    The first moment starts from zero, because it was made at other weights.

    Where teachers stand in for the training objective (links, no labels, single items) their
    word holds near the original only, and the whole is one step of `Newton`.

    Args:
        steps: products and optimiser steps together; each costs about one training step.
        products: how many of them are products; at most a fifth.
    """

    steps: int = 24
    products: int = 4

    def __post_init__(self) -> None:
        whole = isinstance(self.steps, int) and isinstance(self.products, int)
        if not (whole and self.steps >= 1 and self.products >= 0):
            raise UserError(
                "NewtonThenAdam solver: wanted whole numbers, steps from 1 and products from 0, "
                f"got {self}"
            )

    def supports(self, trained: Trained) -> str | None:
        return Newton().supports(trained)

    def minimise(
        self, student: nn.Module, problem: Problem, trained: Trained, seed: int
    ) -> Mapping[str, Tensor]:
        products = min(self.products, self.steps // 5)
        steps = self.steps - products
        if problem.tilt is None or problem.tilt.objective is None:
            return Newton(steps).minimise(student, problem, trained, seed)
        if products:
            Newton(products, rounds=(1.0,)).move(student, problem, trained, seed)
        assert trained.learner is not None
        optimizer = trained.learner.optimizer(student.parameters())
        restore_optimizer(student, optimizer, trained.optimizer)
        for group in optimizer.param_groups:
            group["weight_decay"] = 0.0  # the problem has it
        for parameter in student.parameters():
            optimizer.state[parameter]["exp_avg"].zero_()
        descend(student, problem, optimizer, steps, seed)
        return optimizer_state(student, optimizer)
