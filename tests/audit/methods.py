"""Unlearners to try the audit on: the one that must pass and those that must not."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import torch

from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn import Retrain, Unlink


@dataclass(frozen=True)
class RetrainApart(Retrain):
    """Retraining from a seed that no reference model has."""

    exact: ClassVar[bool] = True

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        return super().forget(trained, request, seed + 50_000)


@dataclass(frozen=True)
class DoNothing(Unlearner):
    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        return trained


@dataclass(frozen=True)
class Nudge(Unlink):
    """Unlink, with a little noise on every weight so that none is the original's."""

    by: float = 1e-4

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model, draw = copy.deepcopy(trained.model), torch.Generator().manual_seed(seed + 1)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(self.by * torch.randn(weight.shape, generator=draw))
        return trained.after(model, request, self, seed)


@dataclass(frozen=True)
class ReRandomise(Unlearner):
    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model = trained.learner.build(trained.data, trained.task, seed + 1)
        return trained.after(model, request, self, seed)


@dataclass(frozen=True)
class SelfDistil(Unlearner):
    """A new network that learns the original's answers, those about the forgotten included."""

    steps: int = 150

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        task, probe = trained.task, request.probe(trained.data)
        nodes = torch.arange(probe.num_nodes)
        with torch.no_grad():
            teacher = task.logits(trained.model, trained.data, nodes)
        model = trained.learner.build(trained.data, task, seed + 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(self.steps):
            optimizer.zero_grad()
            task.divergence(teacher, task.logits(model, probe, nodes)).mean().backward()
            optimizer.step()
        return trained.after(model, request, self, seed)


__all__ = ["DoNothing", "Nudge", "ReRandomise", "RetrainApart", "SelfDistil", "Unlink"]
