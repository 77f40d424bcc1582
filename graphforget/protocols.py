"""The two verbs and the answer: learners fit, unlearners forget, audits look at outcomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import Refused
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained

Objective = Callable[[nn.Module, Generator], Tensor]
"""What one step of descent minimises: called with the model and a generator, gives the loss."""


class Learner(ABC):
    """Makes a model from data. Subclasses are frozen dataclasses of hyper-parameters."""

    epochs: int
    """Passes over the training items in `fit`; unlearners measure their budget by it."""

    descends: ClassVar[bool] = True
    """Whether `fit` goes down a slope; what it solves in closed form cannot be trained on."""

    transductive: ClassVar[bool] = False
    """Whether models have weights for every node, so that they answer on the whole graph only."""

    @abstractmethod
    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        """A model of the right shape with fresh weights drawn from ``seed``."""

    @abstractmethod
    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """A fresh optimiser with the learner's settings."""

    @abstractmethod
    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        """Train on ``data`` and return the model in eval mode."""

    def loss(self, model: nn.Module, data: Data, task: Task, generator: Generator) -> Tensor:
        """The objective that `fit` minimises, on a graph or a batch of it: a scalar."""
        return task.loss(model, data, generator)

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        """The loss of one step on ``data``: here the whole graph at once."""
        return lambda model, generator: self.loss(model, data, task, generator)

    def inputs(self, data: Data) -> Data:
        """The graph in the form that the learner's network multiplies fastest."""
        return data

    def steps(self, data: Data) -> int:
        """Optimiser steps in one epoch on ``data``."""
        return 1


class Unlearner(ABC):
    """Makes a new model without what a request names. Subclasses are frozen dataclasses."""

    exact: ClassVar[bool] = False
    """Whether the result is distributed as if the forgotten data had never been there."""

    removes: ClassVar[bool] = True
    """Whether the result's data is ``request.retained(data)``; audits judge such methods only."""

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        """Why the request cannot be carried out, or None; asked before any work begins."""
        return None

    @abstractmethod
    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        """A new model on the retained data; ``trained`` is left as it was."""

    def wrap(self, model: nn.Module, data: Data) -> nn.Module:
        """The module that `forget` returns around ``model``, for loading; by default itself."""
        return model

    def __call__(
        self, trained: Trained, request: ForgetRequest, seed: int = 0, missing: bool = False
    ) -> Trained:
        """Check the request, then forget it.

        Args:
            trained: the model; it is left as it was.
            request: what must go.
            seed: seed of whatever the method draws.
            missing: let edges pass that the graph does not have; they count as forgotten.

        Raises:
            UserError: if the data does not hold the nodes, classes or edges that the request names.
            Refused: with the reason, if the method cannot carry the request out.
        """
        request.check(trained.data, missing)
        reason = self.supports(trained, request)
        if reason is not None:
            raise Refused(f"{type(self).__name__}: {reason}")
        return self.forget(trained, request, seed)


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that an audit may look at after a request was carried out.

    Args:
        before: the original model and its data.
        after: the unlearned model and the retained data.
        request: what was forgotten.
        seconds: wall time of the unlearning alone.
        oracle: a model retrained on the retained data, where there is one.
    """

    before: Trained
    after: Trained
    request: ForgetRequest
    seconds: float
    oracle: Trained | None = None
