"""Gauss-Newton steps for the student: few products, no step size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from graphforget.core.errors import UserError
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn.conjugate import Vector, conjugate_gradients, dot, moved, norm
from graphforget.unlearn.d2dgn.problem import Problem
from graphforget.unlearn.d2dgn.solver import Solver, no_state

REACH = 0.1
"""Share of the training in which Adam's steps, one learning rate a weight, could go as far as a
step of Newton's may: where training had not converged, nothing else bounds it."""

STANDING_IN = 0.5
"""Share of the products that are taken where teachers stand in for the training objective."""


@dataclass(frozen=True)
class Newton(Solver):
    """Gauss-Newton steps by conjugate gradients, preconditioned by the optimiser's second moment.

    The curvature of a divergence does not depend on labels, so the preserver's answers give the
    curvature of the training objective (Gauss-Newton matrix ``J^T H J``, never formed: ``J v`` is
    a difference of answers, ``J^T`` a gradient). One product costs a training step and a pass. A
    step that would overshoot is halved until it pays.

    Args:
        iterations: products with the matrix, over all rounds.
        rounds: shares of them for each step where the slope is the training objective's own: a
            short one first, because what is far from quadratic (a whole class) needs a second
            look before a long one. Where teachers stand in for the objective (links, no labels,
            single items) their word holds near the original only: one step, of half the products.
        nudge: length of the difference, relative to the weights.
    """

    iterations: int = 20
    rounds: tuple[float, ...] = (0.2, 0.3, 0.5)
    nudge: float = 1e-3

    def __post_init__(self) -> None:
        whole = isinstance(self.iterations, int) and self.iterations >= 1
        if not (whole and self.nudge > 0 and self.rounds and min(self.rounds) > 0):
            raise UserError(
                "Newton solver: wanted iterations from 1, a positive nudge and positive rounds, "
                f"got {self}"
            )

    def supports(self, trained: Trained) -> str | None:
        return no_state(trained) or no_second_moment(trained)

    def minimise(
        self, student: nn.Module, problem: Problem, trained: Trained, seed: int
    ) -> Mapping[str, Tensor]:
        self.move(student, problem, trained, seed)
        return stepped(student, problem, trained, seed)

    def move(self, student: nn.Module, problem: Problem, trained: Trained, seed: int) -> None:
        """Take the steps, in place, and leave the student in eval mode."""
        student.eval()
        metric, reach = second_moment(student, trained), reach_of(student, trained)
        own_slope = problem.tilt is not None and problem.tilt.objective is not None
        for share in self.rounds if own_slope else (STANDING_IN,):
            here = [parameter.detach().clone() for parameter in student.parameters()]
            value, slope, product = self._surface(student, problem, here, seed)
            count = max(1, round(share * self.iterations))
            step = conjugate_gradients(product, [-g for g in slope], metric, count, reach)
            descent = dot(slope, step)
            size = backtrack(student, problem, here, step, value, descent, seed)
            put(student, moved(here, step, size))

    def _surface(
        self, student: nn.Module, problem: Problem, here: Vector, seed: int
    ) -> tuple[float, Vector, Callable[[Vector], Vector]]:
        """Value, gradient and Gauss-Newton product of the problem at some weights."""
        assert problem.distillation is not None
        weight, distillation = problem.distillation
        decay = 0.0 if problem.tilt is None else problem.tilt.decay
        parameters = list(student.parameters())
        loss = problem(student, generator_of(here, seed))
        slope = torch.autograd.grad(loss, parameters)
        loss = loss.detach()
        with torch.no_grad():
            said = distillation.ask(student)
        length = self.nudge * norm(here)

        def product(vector: Vector) -> Vector:
            # Asked anew each time: what autograd keeps of a pass is as large as training's, and
            # beside a second pass it would be more.
            scale = length / max(norm(vector), 1e-30)
            put(student, moved(here, vector, scale))
            with torch.no_grad():
                ahead = [lesson.logits for lesson in distillation.ask(student)]
                along = [(a - b.logits) / scale for a, b in zip(ahead, said, strict=True)]
                bent = [weight * each for each in distillation.curvature(said, along)]
            put(student, here)
            answers = [lesson.logits for lesson in distillation.ask(student)]
            back = torch.autograd.grad(answers, parameters, bent)
            return [b + decay * v for b, v in zip(back, vector, strict=True)]

        return float(loss), list(slope), product


def stepped(student: nn.Module, problem: Problem, trained: Trained, seed: int) -> dict[str, Tensor]:
    """The optimiser's state as one more training step at the student's weights would leave it.

    The second moment is a long average, so like that of any resumed run it still holds most of
    what the original's held (d2dgn.md 9.7); it is as private as the data.
    """
    assert trained.learner is not None
    loss = problem(student, generator_of(list(student.parameters()), seed))
    gradients = torch.autograd.grad(loss, list(student.parameters()))
    group = trained.learner.optimizer(student.parameters()).param_groups[0]
    first, second = group["betas"]
    state: dict[str, Tensor] = {}
    for (name, _), gradient in zip(student.named_parameters(), gradients, strict=True):
        squares = trained.optimizer[f"{name}.exp_avg_sq"].to(gradient.device)
        state[f"{name}.step"] = trained.optimizer[f"{name}.step"] + 1
        state[f"{name}.exp_avg"] = (1 - first) * gradient
        squares = second * squares + (1 - second) * gradient.square()
        state[f"{name}.exp_avg_sq"] = squares
        largest = trained.optimizer.get(f"{name}.max_exp_avg_sq")
        if largest is not None:
            state[f"{name}.max_exp_avg_sq"] = torch.maximum(largest.to(squares.device), squares)
    return state


def backtrack(
    student: nn.Module,
    problem: Problem,
    here: Vector,
    step: Vector,
    value: float,
    slope: float,
    seed: int,
) -> float:
    """The largest of 1, 1/2, 1/4, ... of a step that lowers the problem as its slope promises.

    Armijo's rule with factor .1; 0 where nothing down to 1/256 does, or the step does not descend.
    """
    size = 1.0
    while slope < 0 and size >= 1 / 256:
        put(student, moved(here, step, size))
        with torch.no_grad():
            reached = float(problem(student, generator_of(here, seed)))
        if reached <= value + 0.1 * size * slope:
            return size
        size /= 2
    return 0.0


def reach_of(student: nn.Module, trained: Trained) -> float:
    """The farthest that a step may go, as a Euclidean length over all weights."""
    assert trained.learner is not None
    rate = trained.learner.optimizer(student.parameters()).param_groups[0]["lr"]
    steps = trained.learner.epochs * trained.learner.steps(trained.data)
    weights = sum(parameter.numel() for parameter in student.parameters())
    return REACH * steps * rate * math.sqrt(weights)


def no_second_moment(trained: Trained) -> str | None:
    """Why the optimiser's state cannot precondition a step for every weight, or None."""
    for name, _ in trained.model.named_parameters():
        if not {f"{name}.exp_avg_sq", f"{name}.step"} <= trained.optimizer.keys():
            return (
                f"the optimiser's state holds no second moment of {name}; train with Adam, every "
                "weight included, or pass a Restored or Fresh solver"
            )
    return None


def second_moment(student: nn.Module, trained: Trained) -> Vector:
    """Root of Adam's bias-corrected second moment, one positive tensor a parameter."""
    assert trained.learner is not None
    beta = trained.learner.optimizer(student.parameters()).param_groups[0].get("betas", (0, 0.999))
    found = []
    for name, parameter in student.named_parameters():
        entry = f"{name}.max_exp_avg_sq"  # what AMSGrad divides by, where it is at work
        entry = entry if entry in trained.optimizer else f"{name}.exp_avg_sq"
        squares = trained.optimizer[entry].to(parameter.device)
        steps = float(trained.optimizer[f"{name}.step"])
        found.append((squares / (1 - beta[1] ** steps)).sqrt() + 1e-6)
    return found


def generator_of(weights: Vector, seed: int) -> Generator:
    """A generator on the device of the weights."""
    return Generator(device=weights[0].device).manual_seed(seed)


def put(model: nn.Module, weights: Vector) -> None:
    """Set a network's weights, without a trace in the graph of what it said before."""
    for parameter, value in zip(model.parameters(), weights, strict=True):
        parameter.data = value
