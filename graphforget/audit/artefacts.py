"""Traces of the forgotten data outside the weights, found by looking at what a run holds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor

from graphforget.request import ForgetRequest
from graphforget.trained import Trained


def artefacts(before: Trained, after: Trained, request: ForgetRequest) -> list[str]:
    """Sentences about what an unlearned run still carries of the forgotten data.

    What the weights carry is for `graphforget.audit.weights` to say.

    Args:
        before: the original run.
        after: the unlearned run.
        request: what should be gone.
    """
    found = []
    if request.held_by(after.data, before.data):
        found.append("the run's data still hold what should be forgotten")
    if _shared(before.optimizer, after.optimizer):
        found.append("the optimiser's state is still the one made with the forgotten data")
    if any(_shared(*pair) for pair in product(before.snapshots.values(), after.snapshots.values())):
        found.append("snapshots taken with the forgotten data are still there")
    return found


def _shared(old: Mapping[str, Tensor], new: Mapping[str, Tensor]) -> bool:
    """Whether two states have a tensor in common that is neither a counter nor all zeros."""
    return any(
        old[key].dim() > 0 and bool(old[key].any()) and torch.equal(old[key], new[key])
        for key in old.keys() & new.keys()
    )
