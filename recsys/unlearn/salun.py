"""SalUn: unlearn with those weights alone that the forgotten pairs pull at most."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from graphforget.core.errors import UserError
from graphforget.learn.trainer import descend
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.continued import check_descent
from recsys.task import Rivals
from recsys.unlearn.pairwise import (
    Vector,
    forgotten_pairs,
    fresh_rows,
    gradient,
    learner_of,
    reverse_loss,
    summed_loss,
)
from recsys.unlearn.reasons import not_by_pairs


def salient(slopes: Vector, share: float) -> Vector:
    """Which weights have the steepest slopes: masks of 0 and 1 of the same shapes.

    Weights without a slope, such as the rows of all users that the pairs do not name, are not
    counted: of what is counted, ``share`` is kept.

    >>> salient([torch.tensor([0.0, -3.0, 1.0, 2.0, 0.0, 0.5])], share=0.5)
    [tensor([0., 1., 0., 1., 0., 0.])]
    """
    sizes = torch.cat([slope.abs().flatten() for slope in slopes])
    sizes = sizes[sizes > 0]
    if not len(sizes):
        return [torch.zeros_like(slope) for slope in slopes]
    least = sizes.sort(descending=True).values[max(1, round(share * len(sizes))) - 1]
    return [(slope.abs() >= least).to(slope.dtype) for slope in slopes]


@dataclass(frozen=True)
class SalUn(Unlearner):
    """Saliency unlearning (Fan et al., ICLR 2024) with reverse BPR in the place of random labels.

    ``theta + m * change``: weights outside the mask ``m`` do not move, nor do they gather
    momentum. Steps descend on reverse BPR of the forgotten pairs and, weighed, on the training
    loss of a batch of the retained ones; then some more on the retained ones alone.

    Args:
        share: of the weights with a slope, those with the steepest; the paper's half.
        steps: steps on both.
        repair: steps on the retained pairs after that.
        learning_rate: of Adam.
        alpha: weight of the retained pairs' loss.
    """

    share: float = 0.5
    steps: int = 6
    repair: int = 80
    learning_rate: float = 0.005
    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_descent("SalUn", self.steps, self.learning_rate)
        whole = isinstance(self.repair, int) and self.repair >= 0
        if not (0 < self.share <= 1 and self.alpha >= 0 and whole):
            raise UserError(
                "SalUn: wanted a share in (0, 1], alpha and repair from 0, got "
                f"{self.share!r}, {self.alpha!r} and {self.repair!r}"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return not_by_pairs(trained, request)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model, pairs = copy.deepcopy(trained.model), forgotten_pairs(trained, request)
        data, rivals = trained.data, Rivals(trained.data)
        slopes = gradient(summed_loss(trained, model, data, pairs, seed, rivals), model)
        masks = salient(slopes, self.share)
        retained = request.retained(trained.data)
        kept = learner_of(trained).objective(retained, trained.task, seed)

        turn = iter([True] * self.steps + [False] * self.repair)

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            stay = self.alpha * kept(model, generator)
            if not next(turn):
                return stay
            return stay + reverse_loss(trained, model, data, pairs, rivals(pairs, generator))

        hooks = [parameter.register_hook(lambda slope, mask=mask: slope * mask)
                 for parameter, mask in zip(model.parameters(), masks, strict=True)]
        try:
            optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
            descend(model, loss, optimizer, self.steps + self.repair, seed)
        finally:
            for hook in hooks:
                hook.remove()
        fresh_rows(model, trained, request, seed)
        return trained.after(model, request, self, seed)
