"""GradientAscent: climb the loss of the forgotten items, whatever becomes of the others."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch

from graphforget.learn.trainer import descend
from graphforget.protocols import Objective, Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.continued import check_descent
from graphforget.unlearn.reasons import (
    closed_form,
    forgotten_examples,
    nothing_learned,
    whole_graph_only,
)
from graphforget.unlearn.views import around


@dataclass(frozen=True)
class GradientAscent(Unlearner):
    """A few steps of Adam up the training loss of the forgotten examples alone.

    The baseline of GNNDelete (Cheng et al., ICLR 2023), with its 10 steps and learning rate. It
    is cheap and has no stop: more steps destroy the model.

    Args:
        steps: number of steps.
        learning_rate: of Adam.
    """

    steps: int = 10
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        check_descent("GradientAscent", self.steps, self.learning_rate)

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return (
            closed_form(trained)
            or whole_graph_only(trained)
            or nothing_learned(trained, request)
        )

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model = copy.deepcopy(trained.model)
        loss = forgotten_loss(trained, request)
        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        descend(model, lambda *at: -loss(*at), optimizer, self.steps, seed)
        return trained.after(model, request, self, seed)


def forgotten_loss(trained: Trained, request: ForgetRequest) -> Objective:
    """Mean training loss of the forgotten examples, on the graph that still holds them."""
    data, items = around(trained, forgotten_examples(trained, request))
    task = trained.task
    return lambda model, _: task.example_loss(task.logits(model, data, items), data, items).mean()
