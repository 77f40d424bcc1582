"""ALSDeletion: go on solving without what must go, until nothing moves any more."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch

from graphforget.core.errors import UserError
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.reasons import no_learner, nothing_left
from recsys.learn.als import Halves, LeastSquaresFactors, WeightedMF


@dataclass(frozen=True)
class ALSDeletion(Unlearner):
    """Continue alternating least squares on the retained log from the factors there are.

    Unlearn-ALS (Xu et al., Netflix and Forget, 2023). A sweep's users depend on the items alone
    and the other way round, so what is forgotten lasts only through the place where the sweeps
    start; at a standstill the factors are a stationary point of the retained objective, as
    retrained ones are. It is exact in that limit, and not called exact because the point may be
    another one of several.

    Args:
        tolerance: change of the factors in a sweep, over their length, at which to stop.
        most: sweeps at which to stop in any case.
    """

    tolerance: float = 1e-4
    most: int = 50

    def __post_init__(self) -> None:
        if not (self.tolerance >= 0 and isinstance(self.most, int) and self.most >= 1):
            raise UserError(
                "ALSDeletion: wanted a tolerance from 0 and at least one sweep, got "
                f"{self.tolerance!r} and {self.most!r}"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return no_learner(trained) or not_als(trained) or nothing_left(trained, request)

    @torch.no_grad()
    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        learner, model = trained.learner, copy.deepcopy(trained.model)
        assert isinstance(learner, WeightedMF) and isinstance(model, LeastSquaresFactors)
        retained = request.retained(trained.data)
        halves = Halves(retained)
        for _ in range(self.most):
            before = model.rows.clone()
            learner.sweep(model.rows, halves)
            if float((model.rows - before).norm()) <= self.tolerance * float(before.norm()):
                break
        return trained.after(model, request, self, seed, data=retained)


def not_als(trained: Trained) -> str | None:
    """The model was not trained by alternating least squares."""
    if isinstance(trained.learner, WeightedMF) and isinstance(trained.model, LeastSquaresFactors):
        return None
    return (
        "it goes on with alternating least squares, and this model is of "
        f"{type(trained.learner).__name__}; see recsys.unlearn and graphforget.unlearn for methods "
        "that fit others"
    )
