"""The student's objective, put together from the preserver, the destroyer and the withdrawal."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.protocols import Objective
from graphforget.task import Task
from graphforget.unlearn.d2dgn.matching import Lesson, Matching
from graphforget.unlearn.d2dgn.questions import Questions


@dataclass(frozen=True, eq=False)
class Distillation:
    """Two lessons to learn at once: ``alpha * kept + (1 - alpha) * gone`` (d2dgn.md 1.2).

    Args:
        task: what is asked.
        matching: how a lesson is compared.
        questions: what is asked.
        preserver: the original's lesson on the retained items.
        destroyer: the lesson on the forgotten items; None for none, and then alpha has no effect.
        alpha: weight of the preserver.
        silent: the preserver lends the curvature of its answers and something else the slope on
            the retained items.
    """

    task: Task
    matching: Matching
    questions: Questions
    preserver: Lesson
    destroyer: Lesson | None
    alpha: float
    silent: bool = False

    def __call__(self, model: nn.Module, generator: Generator) -> Tensor:
        """The loss of a student."""
        if self.silent and self.destroyer is None:
            return self.preserver.logits.new_zeros(())
        return self.loss(self.ask(model))

    def ask(self, model: nn.Module) -> list[Lesson]:
        """What a student says on the retained items, and on the forgotten ones if it matters."""
        asked = [self.questions.kept]
        if self.destroyer is not None:
            asked.append(self.questions.gone)
        return lessons(self.task, model, self.questions.graph, asked, self.matching.layers)

    def loss(self, said: list[Lesson]) -> Tensor:
        """The loss of a student who says this."""
        if self.silent:
            keep = said[0].logits.new_zeros(())
        else:
            keep = self.matching(self.task, self.preserver, said[0])
        if self.destroyer is None:
            return keep
        go = self.matching(self.task, self.destroyer, said[1])
        return self.alpha * keep + (1 - self.alpha) * go

    def curvature(self, said: list[Lesson], along: list[Tensor]) -> list[Tensor]:
        """Hessian of the loss in the answers times a vector, for `Response` matching."""
        weights = [1.0] if self.destroyer is None else [self.alpha, 1 - self.alpha]
        return [
            weight / lesson.logits.size(0) * self.task.curvature(lesson.logits, direction)
            for weight, lesson, direction in zip(weights, said, along, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Tilt:
    """A linear term and a pull to where the student started, beside an optional objective.

    ``objective(theta) + <slope, theta> + decay / 2 * |theta - origin|^2``

    Args:
        slope: a constant gradient, one tensor a parameter.
        origin: the original's parameters.
        decay: strength of the pull, the weight decay of the training.
        objective: the training objective on the retained data; None where the preserver stands in.
    """

    slope: list[Tensor]
    origin: list[Tensor]
    decay: float
    objective: Objective | None = None

    def __call__(self, model: nn.Module, generator: Generator) -> Tensor:
        """The term at the model's weights."""
        total = torch.zeros((), device=self.origin[0].device)
        if self.objective is not None:
            total = total + self.objective(model, generator)
        for slope, origin, now in zip(self.slope, self.origin, model.parameters(), strict=True):
            total = total + (slope * now).sum()
            if self.decay:
                total = total + self.decay / 2 * (now - origin).square().sum()
        return total


@dataclass(frozen=True, eq=False)
class Problem:
    """All that the student minimises: the weighted sum of what is there.

    Args:
        distillation: the two teachers' lessons, with their weight; None for none.
        training: the training objective on the retained data, with its weight and, left to the
            optimiser, its weight decay; None for none.
        tilt: the withdrawal; None for none.
    """

    distillation: tuple[float, Distillation] | None
    training: tuple[float, Objective] | None
    tilt: Tilt | None

    def __call__(self, model: nn.Module, generator: Generator) -> Tensor:
        """The loss of a student."""
        terms = [each for each in (self.distillation, self.training) if each is not None]
        values = [weight * term(model, generator) for weight, term in terms]
        if self.tilt is not None:
            values.append(self.tilt(model, generator))
        return torch.stack(values).sum()


def lessons(
    task: Task, model: nn.Module, graph: Data, items: list[Tensor], layers: bool
) -> list[Lesson]:
    """What a network says about several sets of items, in one pass.

    Args:
        task: what is asked.
        model: the network.
        graph: the graph.
        items: each nodes, shape ``(K,)``, or links, shape ``(2, K)``.
        layers: hand over the layers' embeddings too.
    """
    if not layers:
        output = model(graph.x, graph.edge_index)
        return [Lesson(task.read(output, asked)) for asked in items]
    answers: list[Tensor] = []
    hook = model.register_forward_hook(lambda _module, _inputs, output: answers.append(output))
    try:
        embeddings = task.embeddings(model, graph)
    finally:
        hook.remove()
    (output,) = answers
    return [
        Lesson(task.read(output, asked), tuple(h[asked.unique()] for h in embeddings))
        for asked in items
    ]
