"""EASEDeletion: users, items and interactions leave EASE in closed form, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from graphforget.exact.history import inexact_before
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.reasons import no_learner, nothing_left
from recsys.learn.ease import EASE, ItemItem, log_matrix


@dataclass(frozen=True)
class EASEDeletion(Unlearner):
    """The inverse Gram matrix of EASE without what a request names.

    What leaves is worked into ``P = (X^T X + lambda I)^-1``: users by Woodbury's identity at the
    cost of their number times ``I^2``, an interaction as an exchange of its user's row (rank two),
    items by the Schur complement. The result is that of retraining up to rounding, 1e-15 a
    deletion, however many are carried out one after another. Where so much goes that inverting
    anew is cheaper, that is done.
    """

    exact: ClassVar[bool] = True

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return (
            no_learner(trained)
            or not_ease(trained)
            or inexact_before(trained)
            or nothing_left(trained, request)
        )

    @torch.no_grad()
    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        learner, old, data = trained.learner, trained.model, trained.data
        assert isinstance(learner, EASE) and isinstance(old, ItemItem)
        retained = request.retained(data)
        users, items = touched(request, data, old.num_users)
        before, after = (_rows(graph, users, old) for graph in (data, retained))
        changed = (before != after).any(1)
        count, rank = old.inverse.size(0), int(changed.sum()) * 2 + len(items)
        if rank > (old.num_users + count) / 4:
            fresh = learner.fit(retained, trained.task, seed)
            return trained.after(fresh.model, request, self, seed, data=retained)
        inverse: Tensor = old.inverse
        if len(items):
            inverse = without_items(inverse, items, learner.penalty)
            before = before.index_fill(1, items, 0.0)
            changed = (before != after).any(1)
        inverse = with_rows(inverse, _some(after[changed]))
        inverse = without_rows(inverse, _some(before[changed]))
        model = ItemItem(old.num_users, 0)
        model.inverse = nn.Parameter(inverse.clone() if inverse is old.inverse else inverse)
        return trained.after(model, request, self, seed, data=retained)


def without_rows(inverse: Tensor, rows: Tensor) -> Tensor:
    """``(P^-1 - R^T R)^-1``, by Woodbury's identity.

    ``P + P R^T (I - R P R^T)^-1 R P``; the middle is positive definite where the rows ``R`` are
    in the Gram matrix.

    Args:
        inverse: ``P``, symmetric, shape ``(I, I)``; not changed.
        rows: ``R``, shape ``(M, I)``.

    >>> p = torch.linalg.inv(torch.tensor([[3.0, 1.0], [1.0, 5.0]], dtype=torch.float64))
    >>> left = without_rows(p, torch.ones(1, 2, dtype=torch.float64))
    >>> torch.linalg.inv(left).round().abs().tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    return _updated(inverse, rows, -1.0)


def with_rows(inverse: Tensor, rows: Tensor) -> Tensor:
    """``(P^-1 + R^T R)^-1``, ``P - P R^T (I + R P R^T)^-1 R P``; arguments as `without_rows`."""
    return _updated(inverse, rows, 1.0)


def without_items(inverse: Tensor, items: Tensor, penalty: float) -> Tensor:
    """The inverse Gram matrix of a log in which nobody has taken the items.

    The others' part is the Schur complement ``P_RR - P_RS P_SS^-1 P_SR``; the items stay as
    isolated ones, with ``1 / lambda`` on the diagonal.

    Args:
        inverse: ``P``, shape ``(I, I)``; not changed.
        items: shape ``(S,)``.
        penalty: ``lambda``.
    """
    corner = torch.linalg.cholesky(inverse[items][:, items])
    step = torch.linalg.solve_triangular(corner, inverse[items], upper=False)
    result = torch.addmm(inverse, step.t(), step, alpha=-1.0)
    result[items] = 0.0
    result[:, items] = 0.0
    result[items, items] = 1.0 / penalty
    return result


def not_ease(trained: Trained) -> str | None:
    """The model is none of EASE."""
    if isinstance(trained.learner, EASE) and isinstance(trained.model, ItemItem):
        return None
    return (
        f"it deletes from models of EASE, and this one is of {type(trained.learner).__name__};"
        " see recsys.unlearn and graphforget.unlearn for methods that fit others"
    )


def touched(request: ForgetRequest, data: Any, num_users: int) -> tuple[Tensor, Tensor]:
    """Users whose rows lose something of their own, and items that go, both ascending ids.

    A user of an item that goes is not among the first: his row loses a column that all lose.
    """
    kind, ids = request.named(data)
    if kind == "edge":
        return ids.amin(0).unique(), ids.new_empty(0)
    if kind != "node":
        return ids.new_empty(0), ids.new_empty(0)
    return ids[ids < num_users].unique(), ids[ids >= num_users].unique() - num_users


def _rows(data: Any, users: Tensor, model: ItemItem) -> Tensor:
    """Rows of the log of some users, ascending ids of shape ``(M,)``: ``(M, I)``."""
    ours = data.train_nodes
    place = torch.full((model.num_users,), -1, device=users.device)
    place[users] = torch.arange(len(users), device=users.device)
    ours = ours[:, place[ours[0]] >= 0]
    shift = model.num_users - len(users)
    pairs = torch.stack([place[ours[0]], ours[1] - shift])
    return log_matrix(pairs, len(users), model.inverse.size(0))


def _some(rows: Tensor) -> Tensor:
    """The rows that are not empty."""
    return rows[rows.any(1)]


def _updated(inverse: Tensor, rows: Tensor, sign: float) -> Tensor:
    if not len(rows):
        return inverse
    image = rows @ inverse
    middle = torch.eye(len(rows), dtype=inverse.dtype, device=inverse.device)
    middle = torch.addmm(middle, image, rows.t(), alpha=sign)
    step = torch.linalg.solve_triangular(torch.linalg.cholesky(middle), image, upper=False)
    return torch.addmm(inverse, step.t(), step, alpha=-sign)
