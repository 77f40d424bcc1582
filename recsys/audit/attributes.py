"""Attackers who read an attribute off embeddings of users, and one who turns a guard around."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor

FOLDS = 5
"""The attacker knows the labels of four fifths of the users and wants those of the rest."""

Array = NDArray[np.float64]

Guard = Callable[[Tensor, Tensor], Any]
"""Makes a function ``(B, d) -> (B, d)`` of embeddings and labels, as `recsys.unlearn.leace.fitted`
does."""


@dataclass(frozen=True)
class AttributeAttack:
    """AUC of attackers who know four fifths of the labels; 0.5 is chance, one against the rest.

    Args:
        linear: logistic regression.
        rbf: support vectors with a radial kernel.
        mlp: a hidden layer of 32 units.
        flip: logistic regression whose answer is turned round where it does worse than chance on
            users that the attacker knows; it does so where the guard was fitted on all users.
    """

    linear: float
    rbf: float
    mlp: float
    flip: float


def linear_attacker(seed: int = 0) -> Pipeline:
    """Logistic regression on standardised embeddings."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, random_state=seed))


def rbf_attacker(seed: int = 0) -> Pipeline:
    """Support vectors with a radial kernel."""
    vectors = CalibratedClassifierCV(SVC(kernel="rbf", random_state=seed), ensemble=False)
    return make_pipeline(StandardScaler(), vectors)


def mlp_attacker(seed: int = 0) -> Pipeline:
    """A network with one hidden layer of 32 units."""
    network = MLPClassifier((32,), alpha=1.0, max_iter=100, tol=1e-3, random_state=seed)
    return make_pipeline(StandardScaler(), network)


def attacked(
    x: Tensor, labels: Tensor, guard: Guard | None = None, seed: int = 0
) -> AttributeAttack:
    """Attack embeddings of users with everything.

    Args:
        x: embeddings, shape ``(n, d)``.
        labels: the attribute, whole numbers, at least five users of each, shape ``(n,)``.
        guard: made of the users whose labels the attacker knows, and applied to all of them; by
            default embeddings are attacked as they are, whatever was done to them before.
        seed: of folds and attackers.
    """
    def reached(attacker: Pipeline) -> float:
        return auc_of(guessed(attacker, x, labels, seed, guard), labels)

    return AttributeAttack(
        linear=reached(linear_attacker(seed)),
        rbf=reached(rbf_attacker(seed)),
        mlp=reached(mlp_attacker(seed)),
        flip=auc_of(turned(x, labels, seed, guard), labels),
    )


def guessed(
    attacker: Pipeline, x: Tensor, labels: Tensor, seed: int = 0, guard: Guard | None = None
) -> Array:
    """Probability of each value for users whose labels the attacker does not know, ``(n, V)``."""
    result = np.zeros((len(x), len(labels.unique())))
    for known, wanted, values in _shown(x, labels, seed, guard):
        probe = clone(attacker).fit(values[known], labels.numpy()[known])
        result[wanted] = probe.predict_proba(values[wanted])
    return result


def turned(x: Tensor, labels: Tensor, seed: int = 0, guard: Guard | None = None) -> Array:
    """The same by a linear probe that looks first how it does on users whose labels are known.

    Means of labels that were made equal over all users are not equal over four fifths of them:
    what is left points away from the rest. The probe tests itself on the four fifths and, for
    each value that it does worse on than chance, says the opposite.
    """
    result = np.zeros((len(x), len(labels.unique())))
    for known, wanted, values in _shown(x, labels, seed, guard):
        inside = guessed(
            linear_attacker(seed), torch.from_numpy(values[known]), labels[known], seed + 1
        )
        sign = np.where(_each(inside, labels[known]) < 0.5, -1.0, 1.0)
        probe = linear_attacker(seed).fit(values[known], labels.numpy()[known])
        result[wanted] = sign * probe.predict_proba(values[wanted])
    return result


def _shown(
    x: Tensor, labels: Tensor, seed: int, guard: Guard | None
) -> Iterator[tuple[NDArray, NDArray, Array]]:
    """Users whose labels are known, users whose are wanted, and what the attacker sees of all."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for known, wanted in folds.split(x.numpy(), labels.numpy()):
        values = x if guard is None else guard(x[known], labels[known])(x.double())
        yield known, wanted, values.double().numpy()


def auc_of(guess: Array, labels: Tensor) -> float:
    """Mean AUC over the values, each against the rest.

    >>> auc_of(np.array([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([1, 2]))
    1.0
    """
    return float(_each(guess, labels).mean())


def _each(guess: Array, labels: Tensor) -> Array:
    return np.array([roc_auc_score((labels == value).numpy(), guess[:, at])
                     for at, value in enumerate(labels.unique())])
