"""Influence: one Newton step to where the retained pairs alone would have pulled the weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from graphforget.core.errors import UserError
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn.conjugate import conjugate_gradients
from recsys.task import Rivals
from recsys.unlearn.pairwise import (
    Vector,
    forgotten_pairs,
    fresh_rows,
    gradient,
    row_wise,
    summed_loss,
)
from recsys.unlearn.reasons import not_by_pairs


@dataclass(frozen=True)
class Influence(Unlearner):
    """Subtract the influence of the forgotten pairs (IFRU, Zhang et al., TORS 2023).

    ``theta + (H + damping)^-1 g``, with the Hessian ``H`` of the summed loss of the retained
    pairs. Of the slope ``g``, one part is that of the forgotten pairs; the other, IFRU's spillover,
    is how the slopes of retained pairs change because their users and items are no neighbours of
    what went any more: nothing for factors, all layers for LightGCN.
    The system is solved by conjugate gradients, which end where a direction bends downwards, and
    no row moves further than ``reach`` of the mean length of rows. The published solver runs Adam
    on the system and keeps the iterate with the best validation score, which judges utility, not
    whether anything was forgotten.

    Args:
        damping: added to the Hessian; without it factors diverge (recsys_unlearning.md 1.3).
        iterations: products with the Hessian, at most.
        reach: how far a row may move.
    """

    damping: float = 10.0
    iterations: int = 20
    reach: float = 0.5

    def __post_init__(self) -> None:
        whole = isinstance(self.iterations, int) and self.iterations >= 1
        if not (whole and self.damping > 0 and self.reach > 0):
            raise UserError(
                "Influence: wanted iterations from 1, damping and reach above 0, got "
                f"{self.iterations!r}, {self.damping!r} and {self.reach!r}"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return not_by_pairs(trained, request)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        model = copy.deepcopy(trained.model)
        pull = pull_of(trained, model, request, seed)
        product = curvature_of(trained, model, request, seed)
        metric = row_curvature(product, pull, self.damping, seed)
        step = conjugate_gradients(
            lambda v: [h + self.damping * each for h, each in zip(product(v), v, strict=True)],
            pull, metric, self.iterations,
        )
        with torch.no_grad():
            for parameter, change in zip(model.parameters(), step, strict=True):
                parameter.add_(within_reach(change, parameter, self.reach))
        fresh_rows(model, trained, request, seed)
        return trained.after(model, request, self, seed)


def pull_of(trained: Trained, model: nn.Module, request: ForgetRequest, seed: int) -> Vector:
    """What the forgotten pairs did to the slope, IFRU's spillover included; one a parameter."""
    data, retained = trained.data, request.retained(trained.data)
    gone, kept = forgotten_pairs(trained, request), trained.task.train_items(retained)
    rivals = Rivals(data)  # of both sides: another draw would be noise, and larger than both
    direct = gradient(summed_loss(trained, model, data, gone, seed, rivals), model)
    before = gradient(summed_loss(trained, model, data, kept, seed + 1, rivals), model)
    after = gradient(summed_loss(trained, model, retained, kept, seed + 1, rivals), model)
    return [d + b - a for d, b, a in zip(direct, before, after, strict=True)]


def curvature_of(
    trained: Trained, model: nn.Module, request: ForgetRequest, seed: int
) -> Callable[[Vector], Vector]:
    """The function ``v -> H v`` with the Hessian of the summed loss of the retained pairs."""
    retained, parameters = request.retained(trained.data), list(model.parameters())
    pairs = trained.task.train_items(retained)
    loss = summed_loss(trained, model, retained, pairs, seed + 2, Rivals(retained))
    slope = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    used = [at for at, each in enumerate(slope) if each is not None]

    def product(vector: Vector) -> Vector:
        found = torch.autograd.grad(
            [slope[at] for at in used], parameters, [vector[at] for at in used],
            retain_graph=True, allow_unused=True,
        )
        return [torch.zeros_like(p) if h is None else h
                for p, h in zip(parameters, found, strict=True)]

    return product


def row_curvature(
    product: Callable[[Vector], Vector], like: Vector, damping: float, seed: int
) -> Vector:
    """Mean diagonal of the Hessian in each row, and the damping: a preconditioner.

    Users with many pairs bend the loss more; one product with random signs shows how much
    (Hutchinson, 1989). What seems to bend downwards counts as flat.
    """
    generator = Generator(device=like[0].device).manual_seed(seed + 3)
    signs = [torch.randint(2, each.shape, generator=generator, device=each.device) * 2.0 - 1
             for each in like]
    diagonals = [row_wise(s * h).mean(1) for s, h in zip(signs, product(signs), strict=True)]
    return [
        (diagonal.clamp(min=0) + damping).view(-1, *[1] * (each.dim() - 1)).expand_as(each)
        if each.dim() else (diagonal.clamp(min=0) + damping).reshape(())
        for each, diagonal in zip(like, diagonals, strict=True)
    ]


def within_reach(change: Tensor, parameter: Tensor, reach: float) -> Tensor:
    """The change with every row no longer than ``reach`` times the mean length of rows.

    >>> within_reach(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]]), reach=0.5)
    tensor([[0.6000, 0.8000]])
    """
    rows, limit = row_wise(change), reach * row_wise(parameter).norm(dim=1).mean()
    length = rows.norm(dim=1, keepdim=True)
    return (rows * (limit / length.clamp(min=1e-30)).clamp(max=1)).view_as(change)
