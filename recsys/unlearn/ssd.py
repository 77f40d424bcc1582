"""SSD: dampen the weights that matter more to what goes than to everything else."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from recsys.task import Rivals
from recsys.unlearn.importance import squared_gradients
from recsys.unlearn.pairwise import Vector, forgotten_pairs, fresh_rows, summed_loss
from recsys.unlearn.reasons import not_by_pairs


def dampened(
    weight: Tensor, gone: Tensor, everything: Tensor, alpha: float, bound: float
) -> Tensor:
    """A weight after selective synaptic dampening.

    ``theta * min(bound * everything / gone, 1)`` where ``gone > alpha * everything``.

    Args:
        weight: of any shape.
        gone: importance for the forgotten pairs, of the same shape.
        everything: importance for all pairs.
        alpha: how much more a weight has to matter to what goes.
        bound: how far it is then brought down.

    >>> dampened(torch.ones(3), torch.tensor([1.0, 20.0, 0.0]), torch.tensor([1.0, 1.0, 0.0]),
    ...          alpha=10.0, bound=1.0)
    tensor([1.0000, 0.0500, 1.0000])
    """
    share = (bound * everything / gone.clamp(min=torch.finfo(gone.dtype).tiny)).clamp(max=1)
    return torch.where(gone > alpha * everything, weight * share, weight)


@dataclass(frozen=True)
class SSD(Unlearner):
    """Selective synaptic dampening (Foster et al., AAAI 2024), normalised by row activity.

    It costs a pass over the pairs and no training. The mean margin of what goes comes down, but
    each pair can be told by its answer as well as before, and retained users are newly exposed
    (recsys_unlearning.md 5.4).

    Args:
        alpha: how much more a weight has to matter to what goes; the paper's 10.
        bound: how far it is then brought down, the paper's lambda of 1.
        batches: of the training pairs; as large ones are taken of the forgotten.
        by_activity: compare a row's squared gradients over those batches only that touch it; the
            published sums wipe the rows of everybody who has few pairs.
    """

    alpha: float = 10.0
    bound: float = 1.0
    batches: int = 64
    by_activity: bool = True

    def __post_init__(self) -> None:
        whole = isinstance(self.batches, int) and self.batches >= 1
        if not (whole and self.alpha > 0 and self.bound > 0):
            raise UserError(
                "SSD: wanted batches from 1, alpha and bound above 0, got "
                f"{self.batches!r}, {self.alpha!r} and {self.bound!r}"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return not_by_pairs(trained, request)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model = copy.deepcopy(trained.model)
        everything = trained.task.train_items(trained.data)
        pairs = forgotten_pairs(trained, request)
        size = -(-everything.size(1) // self.batches)
        importance = [
            self._importance(trained, some, -(-some.size(1) // size), seed)
            for some in (pairs, everything)
        ]
        with torch.no_grad():
            for parameter, gone, all_of_it in zip(model.parameters(), *importance, strict=True):
                parameter.copy_(dampened(parameter, gone, all_of_it, self.alpha, self.bound))
        fresh_rows(model, trained, request, seed)
        return trained.after(model, request, self, seed)

    def _importance(self, trained: Trained, pairs: Tensor, batches: int, seed: int) -> Vector:
        model, rivals = trained.model, Rivals(trained.data)

        def loss(some: Tensor) -> Tensor:
            return summed_loss(trained, model, trained.data, some, seed, rivals)

        found = squared_gradients(model, loss, pairs, batches, seed)
        return found.when_touched if self.by_activity else [s / batches for s in found.sums]
