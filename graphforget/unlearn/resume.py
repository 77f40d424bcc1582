"""Resume: go on training on what is left, as if training had never stopped."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from graphforget.learn.state import restore_optimizer
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.continued import check_share, continued
from graphforget.unlearn.reasons import (
    closed_form,
    forgets_itself,
    no_learner,
    nothing_left,
    whole_graph_only,
)


@dataclass(frozen=True)
class Resume(Unlearner):
    """Continue the training objective on the retained data with the optimiser's state restored.

    Weight decay does the forgetting and Adam's second moment keeps the rest in place
    (d2dgn.md section 9): edges are at the noise floor of retraining after 2% of its cost, random
    nodes near it after 5%. The restored state was made with the forgotten data; the result
    carries the state of the new run, and the old one belongs on the list of things to delete.

    Args:
        share: epochs as a share of the original training, which is also the share of its cost.
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_share("Resume", self.share)

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        unable = closed_form(trained) or forgets_itself(trained)
        if unable is None and not trained.optimizer:
            return (
                "the run holds no optimiser state to go on with; train again with this version, "
                "or use FineTune, which starts a new optimiser"
            )
        return (
            no_learner(trained)
            or unable
            or whole_graph_only(trained)
            or nothing_left(trained, request)
        )

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        assert trained.learner is not None
        model = copy.deepcopy(trained.model)
        optimizer = trained.learner.optimizer(model.parameters())
        restore_optimizer(model, optimizer, trained.optimizer)
        epochs = math.ceil(self.share * trained.learner.epochs)
        return continued(trained, request, self, model, optimizer, epochs, seed)
