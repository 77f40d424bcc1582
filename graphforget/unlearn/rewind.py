"""Rewind: go back to an earlier epoch and train the rest again without the items."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from graphforget.learn.state import part, restore_optimizer
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
class Rewind(Unlearner):
    """Reload a snapshot of the training and finish it on the retained data alone.

    The further back, the less of the forgotten data is in the weights and the more it costs: the
    best dial between privacy and compute measured in recsys_unlearning.md section 5.6. The number
    of steps is that of a retrained model, so the result is not trained further than one.

    Args:
        share: how much of the training to repeat at least; the snapshot is the last one at or
            before the epoch that leaves this much to do.
    """

    share: float = 0.25

    def __post_init__(self) -> None:
        check_share("Rewind", self.share)

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        reason = (
            no_learner(trained)
            or closed_form(trained)
            or forgets_itself(trained)
            or whole_graph_only(trained)
            or nothing_left(trained, request)
        )
        if reason is None and self._epoch(trained) is None:
            kept = ", ".join(map(str, sorted(trained.snapshots))) or "none"
            reason = (
                f"no snapshot was kept at or before {1 - self.share:g} of the training (epochs "
                f"kept: {kept}); set the learner's snapshots, or use Resume"
            )
        return reason

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        assert trained.learner is not None
        epoch = self._epoch(trained)
        assert epoch is not None
        model = copy.deepcopy(trained.model)
        model.load_state_dict(part(trained.snapshots[epoch], "model"))
        optimizer = trained.learner.optimizer(model.parameters())
        restore_optimizer(model, optimizer, part(trained.snapshots[epoch], "optimizer"))
        epochs = trained.learner.epochs - epoch
        return continued(trained, request, self, model, optimizer, epochs, seed)

    def _epoch(self, trained: Trained) -> int | None:
        """The latest epoch to go back to, or None."""
        assert trained.learner is not None
        latest = round((1 - self.share) * trained.learner.epochs)
        return max((epoch for epoch in trained.snapshots if epoch <= latest), default=None)
