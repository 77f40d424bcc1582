"""LEACE: what users' embeddings say of an attribute is erased in closed form.

An attribute such as gender is no input of a recommender, yet the embeddings of its users tell it.
To forget it is no request to a training: it is a projection of the rows of users.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from concept_erasure import LeaceFitter
from torch import Generator, Tensor

from graphforget.core.errors import UserError
from graphforget.trained import Trained


def fitted(x: Tensor, labels: Tensor, method: Any = "leace") -> Any:
    """The eraser of an attribute, fitted on some users: a function ``(B, d) -> (B, d)``.

    Belrose et al., LEACE, NeurIPS 2023: the smallest change after which no linear probe does
    better than a constant on the users it was fitted on. In double precision, with shrinkage, for
    there are hundreds of users and tens of dimensions.

    Args:
        x: embeddings, shape ``(n, d)``.
        labels: the attribute, whole numbers, shape ``(n,)``.
        method: ``"leace"``, or ``"orth"`` for the orthogonal projection, which costs more.

    Raises:
        UserError: if all have the same label.
    """
    values, place = labels.unique(return_inverse=True)
    if len(values) < 2:
        raise UserError(
            f"erasure: wanted users of at least 2 values of the attribute, got {len(values)}; "
            "there is nothing to tell apart"
        )
    target = torch.nn.functional.one_hot(place, len(values)).double()
    return LeaceFitter.fit(x.double(), target, method=method).eraser


def folds_of(labels: Tensor, folds: int, seed: int) -> Tensor:
    """The fold of each user, each with its share of every label, shape ``(n,)``.

    >>> folds_of(torch.tensor([1, 1, 2, 2]), folds=2, seed=0).sort().values.tolist()
    [0, 0, 1, 1]
    """
    order = torch.randperm(len(labels), generator=Generator().manual_seed(seed))
    order = order[labels[order].argsort(stable=True)]
    fold = torch.empty(len(labels), dtype=torch.int64)
    fold[order] = torch.arange(len(labels)) % folds
    return fold


def cross_fitted(
    x: Tensor, labels: Tensor, folds: int, seed: int, method: str = "leace"
) -> Tensor:
    """Embeddings of users, each erased by what was fitted on others, shape ``(n, d)``.

    Fitting on the users themselves moves each label's mean to the common one exactly. Then the
    mean of most of them tells on which side of it the rest must be: an attacker who knows some
    labels turns his probe round (recsys_unlearning.md 5.7).

    Args:
        x: embeddings, shape ``(n, d)``.
        labels: the attribute, shape ``(n,)``.
        folds: parts; the eraser of a part is fitted on all others.
        seed: of the parts.
        method: of `fitted`.
    """
    fold, result = folds_of(labels, folds, seed), torch.empty_like(x)
    for part in range(folds):
        own = fold == part
        erase = fitted(x[~own], labels[~own], method)
        result[own] = erase(x[own].double()).to(x.dtype)
    return result


@dataclass(frozen=True)
class AttributeErasure:
    """Erase an attribute from the rows of users of a factor model or a LightGCN.

    Users of unknown value, code 0, are erased by what was fitted on all others, as are users of
    the one part by what was fitted on those of the other parts.

    Args:
        attribute: its name in the log, such as ``gender``.
        folds: parts that users are erased in, each by what was fitted on the others.
        orthogonal: project orthogonally in the place of LEACE; ranking loses more.
    """

    attribute: str
    folds: int = 5
    orthogonal: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.folds, int) and self.folds >= 2):
            raise UserError(f"AttributeErasure: folds: wanted 2 or more, got {self.folds!r}")

    def erase(self, trained: Trained, seed: int = 0) -> Trained:
        """A new model whose users' rows do not tell the attribute; the input is left as it was.

        Raises:
            UserError: if the model has no rows of users, or the log not the attribute.
        """
        data: Any = trained.data
        model: Any = copy.deepcopy(trained.model)
        if not isinstance(getattr(model, "rows", None), Tensor):
            raise UserError(
                f"AttributeErasure: {type(model).__name__} has no rows of users to erase from; use "
                "a model with embeddings, such as BPRMF or LightGCN"
            )
        known = data.attributes
        if self.attribute not in known:
            there = ", ".join(known) or "none"
            raise UserError(
                f"AttributeErasure: the log has no attribute {self.attribute!r}; it has {there}"
            )
        labels, rows = known[self.attribute], model.rows.detach()[: data.num_users]
        told = labels > 0
        method = "orth" if self.orthogonal else "leace"
        with torch.no_grad():
            model.rows[: data.num_users][told] = cross_fitted(
                rows[told], labels[told], self.folds, seed, method
            )
            if bool((~told).any()):
                erase = fitted(rows[told], labels[told], method)
                model.rows[: data.num_users][~told] = erase(rows[~told].double()).to(rows.dtype)
        return Trained(model.eval(), data, trained.task, trained.learner, trained.seed,
                       history=trained.history)
