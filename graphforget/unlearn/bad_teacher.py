"""BadTeacher: learn the forgotten items from a network that knows nothing, the rest from itself."""

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
    no_learner,
    nothing_forgotten,
    nothing_left,
    whole_graph_only,
)
from graphforget.unlearn.views import answered, around, questions


@dataclass(frozen=True)
class BadTeacher(Unlearner):
    """Distil from two teachers: an untrained one for what must go, the original for what stays.

    Chundawat et al., Can Bad Teaching Induce Forgetting?, AAAI 2023, equation 2, at temperature 1:
    the mean over items of KL(teacher, student), where the teacher of a forgotten item is an
    untrained network and that of a retained one the original model, asked on the retained graph.
    For links the retained items are training edges and as many random pairs.

    Args:
        steps: number of steps.
        learning_rate: of Adam.
        retained: share of the retained training items asked at each step (the paper's .3).
    """

    steps: int = 20
    learning_rate: float = 1e-3
    retained: float = 0.3

    def __post_init__(self) -> None:
        check_descent("BadTeacher", self.steps, self.learning_rate)
        if not 0 < self.retained <= 1:
            raise UserError(
                f"BadTeacher: retained: wanted a share in (0, 1], got {self.retained!r}"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return (
            no_learner(trained)
            or closed_form(trained)
            or whole_graph_only(trained)
            or nothing_left(trained, request)
            or nothing_forgotten(trained, request)
        )

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        assert trained.learner is not None
        task, model = trained.task, copy.deepcopy(trained.model)
        kept = answered(trained, request.retained(trained.data), seed)
        gone, items = around(trained, task.forgotten_items(request, trained.data))
        ignorant = trained.learner.build(trained.data, task, seed).eval()
        with torch.no_grad():
            target = task.logits(ignorant, gone, items)

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            data, output = next(kept)
            asked = questions(task, data, self.retained, generator)
            stay = task.divergence(task.read(output, asked), task.logits(model, data, asked))
            go = task.divergence(target, task.logits(model, gone, items))
            return torch.cat([stay, go]).mean()

        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        descend(model, loss, optimizer, self.steps, seed)
        return trained.after(model, request, self, seed)
