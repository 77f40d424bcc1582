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


def fitted(x: Tensor, labels: Tensor, orthogonal: bool = False) -> Any:
    """The eraser of an attribute, fitted on some users: a function ``(B, d) -> (B, d)``.

    Belrose et al., LEACE, NeurIPS 2023: the smallest change after which no linear probe does
    better than a constant on the users it was fitted on. In double precision, with shrinkage, for
    there are hundreds of users and tens of dimensions.

    Args:
        x: embeddings, shape ``(n, d)``.
        labels: the attribute, whole numbers, shape ``(n,)``.
        orthogonal: project orthogonally, which moves users further.

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
    method = "orth" if orthogonal else "leace"
    return LeaceFitter.fit(x.double(), target, method=method).eraser


def some_of_each(labels: Tensor, share: float, seed: int) -> Tensor:
    """A random share of the users of every label, at least one of each, bool, shape ``(n,)``.

    >>> some_of_each(torch.tensor([1, 1, 1, 1, 2]), share=0.5, seed=0).sum()
    tensor(3)
    """
    order = torch.randperm(len(labels), generator=Generator().manual_seed(seed))
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        own = order[labels[order] == label]
        chosen[own[: max(1, round(share * len(own)))]] = True
    return chosen


@dataclass(frozen=True)
class AttributeErasure:
    """Erase an attribute from the rows of users of a factor model or a LightGCN.

    One eraser, fitted on some users, such as those who agreed, is applied to all. Who is attacked
    should not be among them: over the users that it was fitted on, the means of labels are made
    equal exactly, and then those of most of them tell where the rest must be; an attacker who
    knows some labels turns his probe round (recsys_unlearning.md 5.7). Erasing each part of the
    users by what was fitted on the others is worse still: what is missing in its means is then
    the part's own labels, and a linear probe reads them off (AUC .7 to .9 for ten parts).
    In a LightGCN the rows are those before they are averaged over neighbours, whose output may tell
    again what they do not: attack the output too.

    Args:
        attribute: its name in the log, such as ``gender``; code 0 is unknown.
        share: of the users with a known value, those that the eraser is fitted on.
        orthogonal: project orthogonally in the place of LEACE; ranking loses more.
    """

    attribute: str
    share: float = 0.8
    orthogonal: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UserError(
                f"AttributeErasure: share: wanted a share of users in (0, 1], got {self.share!r}"
            )

    def erase(self, trained: Trained, seed: int = 0) -> Trained:
        """A new model whose users' rows do not tell the attribute; the input is left as it was.

        Args:
            trained: the model.
            seed: of the users that the eraser is fitted on; see `fitted_on`.

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
        chosen, rows = self.fitted_on(trained, seed), model.rows.detach()[: data.num_users]
        erase = fitted(rows[chosen], data.attributes[self.attribute][chosen], self.orthogonal)
        with torch.no_grad():
            model.rows[: data.num_users] = erase(rows.double()).to(rows.dtype)
        return Trained(model.eval(), data, trained.task, trained.learner, trained.seed,
                       history=trained.history)

    def fitted_on(self, trained: Trained, seed: int = 0) -> Tensor:
        """The users that the eraser of a seed is fitted on, bool, shape ``(U,)``."""
        known = trained.data.attributes
        if self.attribute not in known:
            there = ", ".join(known) or "none"
            raise UserError(
                f"AttributeErasure: the log has no attribute {self.attribute!r}; it has {there}"
            )
        labels = known[self.attribute]
        return some_of_each(labels, self.share, seed) & (labels > 0)
