"""FineTune: go on training on what is left, with a new optimiser."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.continued import check_share, continued
from graphforget.unlearn.reasons import closed_form, no_learner, nothing_left, whole_graph_only


@dataclass(frozen=True)
class FineTune(Unlearner):
    """Continue the training objective on the retained data with a fresh optimiser.

    The plainest baseline (d2dgn.md section 5, measured in section 9). The first steps of a fresh
    Adam all have the size of the learning rate, which is what disturbs the other answers; see
    `Resume`.

    Args:
        share: epochs as a share of the original training, which is also the share of its cost.
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_share("FineTune", self.share)

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return (
            no_learner(trained)
            or closed_form(trained)
            or whole_graph_only(trained)
            or nothing_left(trained, request)
        )

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        assert trained.learner is not None
        model = copy.deepcopy(trained.model)
        optimizer = trained.learner.optimizer(model.parameters())
        epochs = math.ceil(self.share * trained.learner.epochs)
        return continued(trained, request, self, model, optimizer, epochs, seed)
