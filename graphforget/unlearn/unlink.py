"""Unlink: take the items out of the data and leave the weights alone."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained


@dataclass(frozen=True)
class Unlink(Unlearner):
    """Keep every weight and answer on the retained graph (UtU, Tan et al., WWW 2024 companion).

    It costs nothing and is close to retraining for random edges, but the weights still remember:
    a membership attack tells (d2dgn.md section 6.2), and a forgotten class is still recognised.
    """

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        return trained.after(copy.deepcopy(trained.model), request, self, seed)
