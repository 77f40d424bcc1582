"""The model of the last epoch, where a better one was chosen."""

from __future__ import annotations

import copy

from torch import nn

from graphforget.learn.state import part
from graphforget.trained import Trained


def last_epoch(trained: Trained) -> tuple[int, nn.Module] | None:
    """The last epoch of a training and its model in eval mode; None where none was chosen.

    Learners that choose by validation items keep the last epoch as their last snapshot. Of those
    that do not, or that had nothing to choose by, the model itself is the last.

    Args:
        trained: as a learner returns it; it is left as it was.
    """
    chooses = getattr(trained.learner, "best", False) and trained.snapshots
    if not chooses or not trained.task.val_items(trained.data).numel():
        return None
    epoch = max(trained.snapshots)
    model = copy.deepcopy(trained.model)
    model.load_state_dict(part(trained.snapshots[epoch], "model"))
    return epoch, model.eval()
