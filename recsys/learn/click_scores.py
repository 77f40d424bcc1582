"""How good predicted clicks are: AUC, AUC per user, logloss. Exact, in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from graphforget.core.errors import UserError


@dataclass(frozen=True)
class ClickScores:
    """What a model scores on some rows.

    Args:
        auc: area under the ROC curve.
        logloss: mean negative log-likelihood.
        gauc: mean of the users' AUC, weighted by their rows; None where the table has no users,
            or none of them has both labels.
    """

    auc: float
    logloss: float
    gauc: float | None = None


def score(label: NDArray, logit: NDArray, users: NDArray | None = None) -> ClickScores:
    """All three scores of some rows.

    Args:
        label: 0 or 1, shape ``(R,)``.
        logit: shape ``(R,)``.
        users: the group of each row, shape ``(R,)``.

    Raises:
        UserError: if there is no row, only one label, or a logit that is not finite.
    """
    gauc = None if users is None else grouped_auc(label, logit, users)
    return ClickScores(roc_auc(label, logit), logloss(label, logit), gauc)


def roc_auc(label: NDArray, logit: NDArray) -> float:
    """Chance that a click scores above a row without; ties count half (Mann-Whitney).

    Args:
        label: 0 or 1, shape ``(R,)``.
        logit: any increasing function of the click's probability, shape ``(R,)``.

    Raises:
        UserError: if there is no row, only one label, or a score that is not finite.

    >>> roc_auc(np.array([1, 0, 1, 0]), np.array([2.0, 1.0, 1.0, 0.0]))
    0.875
    """
    _check(label, logit)
    clicks = int(np.count_nonzero(label))
    if clicks in (0, len(label)):
        raise UserError(
            f"AUC: wanted rows with label 0 and rows with label 1, all {len(label)} have label "
            f"{int(clicks > 0)}; split the table so that both are in every part"
        )
    return float(grouped_auc(label, logit, np.zeros(len(label), np.uint8)))  # type: ignore[arg-type]


def grouped_auc(label: NDArray, logit: NDArray, users: NDArray) -> float | None:
    """The users' own AUC, averaged with their numbers of rows as weights (gAUC, Zhu et al. 2017).

    Users with one label only are left out, as their AUC is not defined.

    Args:
        label: 0 or 1, shape ``(R,)``.
        logit: shape ``(R,)``.
        users: the group of each row, shape ``(R,)``.

    Returns:
        The mean, or None if no user has both labels.

    Raises:
        UserError: if there is no row, or a score that is not finite.

    >>> label, logit = np.array([1, 0, 1, 0, 1]), np.array([2.0, 1, 0, 3, 9])
    >>> grouped_auc(label, logit, users=np.array([7, 7, 8, 8, 9]))
    0.5
    """
    _check(label, logit)
    order = np.argsort(logit, kind="stable")
    if users.itemsize > 1 or users.any():
        order = order[np.argsort(users[order], kind="stable")]
    user, value, click = users[order], logit[order], label[order].astype(bool)
    begins = np.flatnonzero(np.r_[True, user[1:] != user[:-1]])
    ties = np.flatnonzero(np.r_[True, (value[1:] != value[:-1]) | (user[1:] != user[:-1])])
    # A row beats the rows without click below it, and half of those that tie with it.
    missed = np.r_[0, np.cumsum(~click)]
    below, through = missed[ties], missed[np.r_[ties[1:], len(click)]]
    first = missed[begins]
    clicks_in_tie = np.add.reduceat(click, ties, dtype=np.int64)
    owner = np.searchsorted(begins, ties, side="right") - 1
    beaten = np.bincount(
        owner, clicks_in_tie * ((below + through) / 2 - first[owner]), len(begins)
    )
    rows = np.diff(np.r_[begins, len(click)])
    clicks = np.add.reduceat(click, begins, dtype=np.int64)
    both = (clicks > 0) & (clicks < rows)
    if not both.any():
        return None
    auc = beaten[both] / (clicks[both] * (rows - clicks)[both].astype(np.float64))
    return float(np.average(auc, weights=rows[both]))


def logloss(label: NDArray, logit: NDArray) -> float:
    """Mean negative log-likelihood of the labels; probabilities are clipped as sklearn does.

    Args:
        label: 0 or 1, shape ``(R,)``.
        logit: shape ``(R,)``.

    Raises:
        UserError: if there is no row, or a logit that is not finite.

    >>> round(logloss(np.array([1, 0]), np.array([0.0, 0.0])), 4)
    0.6931
    """
    _check(label, logit)
    sign = np.where(label > 0, 1.0, -1.0)
    tiny = np.finfo(np.float64).eps
    return float(-np.log(np.clip(expit(sign * logit.astype(np.float64)), tiny, 1 - tiny)).mean())


def _check(label: NDArray, logit: NDArray) -> None:
    if len(label) == 0 or label.shape != logit.shape:
        raise UserError(
            f"scores: wanted as many logits as labels and at least one, got shapes {logit.shape} "
            f"and {label.shape}"
        )
    if not np.isfinite(logit).all():
        raise UserError(
            "scores: the model answers with NaN or infinity: its training diverged; lower the "
            "learning rate"
        )
