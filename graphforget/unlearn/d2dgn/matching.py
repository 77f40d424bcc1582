"""What of a teacher the student is to match: its answers, its layers, or both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from graphforget.task import Task


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one network says about some items.

    Args:
        logits: answers, ``(K, C)`` for nodes or ``(K,)`` for links.
        layers: output of each layer at the nodes of the items, each ``(M, H)``; None where the
            teacher is a rule and not a network.
    """

    logits: Tensor
    layers: tuple[Tensor, ...] | None = None


class Matching(ABC):
    """How far a student's lesson is from its teacher's, as a scalar loss."""

    layers: bool = True
    """Whether the layers are compared, so that networks have to hand them over."""

    @abstractmethod
    def __call__(self, task: Task, teacher: Lesson, student: Lesson) -> Tensor:
        """The mean distance over items."""


@dataclass(frozen=True)
class Response(Matching):
    """Kullback-Leibler divergence of the answers (d2dgn.md 1.3, response)."""

    layers = False

    def __call__(self, task: Task, teacher: Lesson, student: Lesson) -> Tensor:
        return task.divergence(teacher.logits, student.logits).mean()


@dataclass(frozen=True)
class Feature(Matching):
    """Mean squared difference of every layer's embeddings (d2dgn.md 1.3, feature)."""

    def __call__(self, task: Task, teacher: Lesson, student: Lesson) -> Tensor:
        assert teacher.layers is not None and student.layers is not None
        pairs = zip(teacher.layers, student.layers, strict=True)
        total = [(taught - said).square().mean() for taught, said in pairs]
        return sum(total[1:], total[0])


@dataclass(frozen=True)
class Combined(Matching):
    """A weighted sum of `Response` and `Feature`.

    Args:
        feature: weight of the embeddings beside the answers.
    """

    feature: float = 1.0

    def __call__(self, task: Task, teacher: Lesson, student: Lesson) -> Tensor:
        answers = Response()(task, teacher, student)
        return answers + self.feature * Feature()(task, teacher, student)
