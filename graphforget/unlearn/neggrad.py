"""NegGradPlus: descend on what is left and climb on what must go, in one step."""

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
from graphforget.unlearn.gradient_ascent import forgotten_loss
from graphforget.unlearn.reasons import closed_form, nothing_learned, nothing_left, whole_graph_only
from graphforget.unlearn.views import training_objective


@dataclass(frozen=True)
class NegGradPlus(Unlearner):
    """Minimise ``beta * loss(retained) - (1 - beta) * loss(forgotten)``.

    NegGrad+ of Kurmanji et al., Towards Unbounded Machine Unlearning, NeurIPS 2023, section 5.
    The retained loss keeps the ascent from destroying the model, as long as it has the larger
    share.

    Args:
        beta: share of the retained loss, from 0 to 1.
        steps: number of steps.
        learning_rate: of Adam.
    """

    beta: float = 0.95
    steps: int = 20
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        check_descent("NegGradPlus", self.steps, self.learning_rate)
        if not 0 <= self.beta <= 1:
            raise UserError(f"NegGradPlus: beta: wanted a share from 0 to 1, got {self.beta!r}")

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return (
            closed_form(trained)
            or whole_graph_only(trained)
            or nothing_left(trained, request)
            or nothing_learned(trained, request)
        )

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model = copy.deepcopy(trained.model)
        kept = training_objective(trained, request.retained(trained.data), seed)
        gone = forgotten_loss(trained, request)

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            return self.beta * kept(model, generator) - (1 - self.beta) * gone(model, generator)

        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        descend(model, loss, optimizer, self.steps, seed)
        return trained.after(model, request, self, seed)
