"""Heads: how classes are read off finished representations."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from graphforget.core.errors import UserError

ABSENT = -30.0
"""Bias of a class that no row carries: a probability of about 1e-13 beside the others."""


@dataclass(frozen=True)
class Head(ABC):
    """How a linear layer on representations of unit length gets its weights.

    Args:
        every: epochs between fits.
        all_nodes: fit to the semantic labels of all nodes instead of those of training nodes.
    """

    every: int = 1
    all_nodes: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.every, int) or self.every < 1:
            raise UserError(f"head every: wanted a whole number from 1, got {self.every!r}")

    @abstractmethod
    def fit(self, layer: nn.Linear, z: Tensor, labels: Tensor) -> None:
        """Give the layer, in place, the weights that tell the labels from the rows.

        Args:
            layer: from width ``d`` to ``C`` classes; its weights are the start.
            z: rows of unit length, shape ``(N, d)``.
            labels: shape ``(N,)``; rows with -1 are left out.
        """


@dataclass(frozen=True)
class TrainedHead(Head):
    """The head that gradient descent has made: nothing is fitted afterwards."""

    def fit(self, layer: nn.Linear, z: Tensor, labels: Tensor) -> None:
        """Leave the layer as it is."""


@dataclass(frozen=True)
class LogisticHead(Head):
    """scikit-learn's multinomial logistic regression, from where the layer stands (spec 1.6).

    Args:
        penalty: inverse strength of the L2 penalty, ``C`` of scikit-learn.
        iterations: of L-BFGS at most.

    >>> z, labels = torch.eye(4), torch.tensor([0, 0, 2, 2])
    >>> layer = nn.Linear(4, 3)
    >>> LogisticHead().fit(layer, z, labels)
    >>> layer(z).argmax(1).tolist()
    [0, 0, 2, 2]
    """

    penalty: float = 1.0
    iterations: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.penalty > 0 or not isinstance(self.iterations, int) or self.iterations < 1:
            raise UserError(
                f"head: wanted a penalty above 0 and iterations from 1, got {self.penalty!r} and "
                f"{self.iterations!r}"
            )

    def fit(self, layer: nn.Linear, z: Tensor, labels: Tensor) -> None:
        rows = labels >= 0
        present = labels[rows].unique()
        if present.numel() < 2:
            return _only(layer, present)
        weight, bias = _of(layer, present)
        if len(present) == 2:  # scikit-learn keeps one row for two classes
            weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
        model = LogisticRegression(C=self.penalty, max_iter=self.iterations, warm_start=True)
        model.coef_, model.intercept_ = weight, bias
        model.classes_ = present.cpu().numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(z[rows].cpu().numpy(), labels[rows].cpu().numpy())
        weight, bias = model.coef_, model.intercept_
        if len(present) == 2:
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        _put(layer, present, torch.as_tensor(weight), torch.as_tensor(bias))


@dataclass(frozen=True)
class RidgeHead(Head):
    """Least squares with an L2 penalty, in closed form from one gram matrix.

    A cheap stand-in for logistic regression: ``d^3`` and no iterations, or ``n^3`` where there
    are fewer rows than dimensions.

    Args:
        penalty: added to the diagonal of the gram matrix.
        sharpness: what one-hot targets are multiplied by, so that a softmax is sure of them.

    >>> z, labels = torch.eye(4), torch.tensor([0, 0, 2, 2])
    >>> layer = nn.Linear(4, 3)
    >>> RidgeHead().fit(layer, z, labels)
    >>> layer(z).argmax(1).tolist()
    [0, 0, 2, 2]
    """

    penalty: float = 1.0
    sharpness: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.penalty > 0 and self.sharpness > 0):
            raise UserError(
                f"head: wanted penalty and sharpness above 0, got {self.penalty!r} and "
                f"{self.sharpness!r}"
            )

    @torch.no_grad()
    def fit(self, layer: nn.Linear, z: Tensor, labels: Tensor) -> None:
        rows = labels >= 0
        present, place = labels[rows].unique(return_inverse=True)
        if present.numel() < 2:
            return _only(layer, present)
        target = F.one_hot(place, present.numel()).to(z.dtype)
        middle, level = z[rows].mean(0), target.mean(0)
        x, y = z[rows] - middle, target - level
        short = x if x.size(0) < x.size(1) else x.T  # the smaller gram
        gram = short @ short.T
        gram.diagonal().add_(self.penalty)
        weight = (x.T @ _solved(gram, y)).T if short is x else _solved(gram, x.T @ y).T
        bias = level - weight @ middle
        _put(layer, present, self.sharpness * weight, self.sharpness * bias)


def _solved(gram: Tensor, right: Tensor) -> Tensor:
    return torch.cholesky_solve(right, torch.linalg.cholesky(gram))


def _of(layer: nn.Linear, classes: Tensor) -> tuple[np.ndarray, np.ndarray]:
    weight, bias = layer.weight.detach()[classes], layer.bias.detach()[classes]
    known = bias > ABSENT / 2
    return (weight * known[:, None]).cpu().numpy(), (bias * known).cpu().numpy()


@torch.no_grad()
def _put(layer: nn.Linear, classes: Tensor, weight: Tensor, bias: Tensor) -> None:
    layer.weight.zero_()
    layer.bias.fill_(ABSENT)
    layer.weight[classes] = weight.to(layer.weight)
    layer.bias[classes] = bias.to(layer.bias)


def _only(layer: nn.Linear, classes: Tensor) -> None:
    """A layer that always answers with the one class there is; without any it stays."""
    if classes.numel():
        _put(layer, classes, layer.weight.new_zeros(1, layer.in_features), layer.bias.new_zeros(1))
