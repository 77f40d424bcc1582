"""Retrain: learn again from what is left. The oracle that every other method is measured by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import nn
from torch_geometric.data import Data

from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.deletion import Deletion
from graphforget.unlearn.reasons import no_learner, nothing_left


@dataclass(frozen=True)
class Retrain(Unlearner):
    """Train a new model on the retained data, by the learner and from the seed given.

    Nothing of the original model is used, so the result cannot depend on what was forgotten.
    """

    exact: ClassVar[bool] = True

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return no_learner(trained) or nothing_left(trained, request)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        assert trained.learner is not None
        fresh = trained.learner.fit(request.retained(trained.data), trained.task, seed)
        after = trained.after(fresh.model, request, self, seed, fresh.optimizer)
        return replace(after, seed=seed, snapshots=fresh.snapshots)

    def wrap(self, model: nn.Module, data: Data) -> nn.Module:
        """The plain model: what earlier requests put around it is gone."""
        while isinstance(model, Deletion):
            model = model.model
        return model
