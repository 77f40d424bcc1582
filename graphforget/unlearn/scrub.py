"""SCRUB: drive away from the original on what must go, return to it on the rest, in turns."""

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
from graphforget.unlearn.reasons import (
    closed_form,
    nothing_forgotten,
    nothing_left,
    whole_graph_only,
)
from graphforget.unlearn.views import answered, around, questions, training_objective


@dataclass(frozen=True)
class SCRUB(Unlearner):
    """Alternate steps that leave the original's answers and steps that come back to them.

    Kurmanji et al., Towards Unbounded Machine Unlearning, NeurIPS 2023, section 3. In each of the
    first ``max_rounds`` rounds, one step up KL(original, student) on the forgotten items; in every
    round, one step down ``gamma * loss + alpha * KL(original, student)`` on the retained data.

    Args:
        rounds: number of rounds, each a step down.
        max_rounds: rounds that begin with a step up.
        learning_rate: of Adam.
        gamma: weight of the training loss on the retained data.
        alpha: weight of the divergence on the retained data.
        temperature: of both divergences; logits are divided by it.
    """

    rounds: int = 15
    max_rounds: int = 5
    learning_rate: float = 1e-3
    gamma: float = 0.99
    alpha: float = 0.1
    temperature: float = 4.0

    def __post_init__(self) -> None:
        check_descent("SCRUB", self.rounds, self.learning_rate)
        whole = isinstance(self.max_rounds, int) and self.max_rounds >= 0
        if not (whole and self.temperature > 0):
            raise UserError(
                "SCRUB: wanted max_rounds from 0 and a temperature above 0, got "
                f"{self.max_rounds!r} and {self.temperature!r}"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return (
            closed_form(trained)
            or whole_graph_only(trained)
            or nothing_left(trained, request)
            or nothing_forgotten(trained, request)
        )

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        task, model = trained.task, copy.deepcopy(trained.model)
        retained = request.retained(trained.data)
        training = training_objective(trained, retained, seed)
        kept = answered(trained, retained, seed)
        gone, items = around(trained, task.forgotten_items(request, trained.data))
        with torch.no_grad():
            known = task.logits(trained.model, gone, items)

        def away(model: nn.Module, generator: Generator) -> Tensor:
            return -self._divergence(trained, known, task.logits(model, gone, items))

        def back(model: nn.Module, generator: Generator) -> Tensor:
            data, output = next(kept)
            asked = questions(task, data, 1.0, generator)
            answer = task.logits(model, data, asked)
            same = self._divergence(trained, task.read(output, asked), answer)
            return self.gamma * training(model, generator) + self.alpha * same

        up = min(self.max_rounds, self.rounds)
        moves = [away, back] * up + [back] * (self.rounds - up)
        turn = iter(moves)
        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        descend(model, lambda *at: next(turn)(*at), optimizer, len(moves), seed)
        return trained.after(model, request, self, seed)

    def _divergence(self, trained: Trained, teacher: Tensor, student: Tensor) -> Tensor:
        """Mean KL at the temperature, scaled so that its gradient does not shrink with it."""
        heat = self.temperature
        each = trained.task.divergence(teacher / heat, student / heat)
        return heat**2 * each.sum() / max(1, each.numel())  # a batch may hold no training item
