"""The transition matrix: how often each class is mistaken for each other, and how to guess it.

``T[i, j]`` is the probability that a node of class ``i`` was given the label ``j``.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.checks import classes_of
from graphforget.learn.cross_entropy import CrossEntropy
from graphforget.learn.robust.node_loss import NodeLoss
from graphforget.protocols import Objective
from graphforget.task import Task


def anchor_transition(probabilities: Tensor, quantile: float = 0.97) -> Tensor:
    """The matrix as read off the nodes that a model is surest about.

    Patrini et al., CVPR 2017, equations 12 and 13: row ``i`` is what a model trained on the given
    labels answers for the anchor of class ``i``, the node most likely labelled ``i``. A quantile
    instead of the very largest probability leaves outliers aside (their section 5).

    Args:
        probabilities: a model's answers for nodes, with or without label, shape ``(M, C)``.
        quantile: place of the anchor among all nodes in the order of their probability; 1 for
            the largest.

    Returns:
        Row-stochastic, shape ``(C, C)``.

    >>> answers = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> anchor_transition(answers, quantile=1.0)
    tensor([[0.9000, 0.1000],
            [0.3000, 0.7000]])
    """
    place = min(len(probabilities) - 1, math.ceil(quantile * (len(probabilities) - 1)))
    anchors = probabilities.argsort(dim=0, stable=True)[place]
    rows = probabilities[anchors]
    return rows / rows.sum(1, keepdim=True)


@dataclass(frozen=True)
class TransitionLoss(NodeLoss):
    """The base of losses that know how labels went wrong.

    A matrix that is not given is estimated on the data at hand whenever an objective is asked
    for, by training this learner's encoder with plain cross-entropy first: going on to train on
    retained data therefore never reads what was forgotten, and costs that training again.

    Args:
        transition: the matrix, row by row, where it is known.
        quantile: which nodes are taken for anchors; see `anchor_transition`.
        warm_up: epochs of the training that estimates the matrix; 0 for as many as ``epochs``.
    """

    transition: tuple[tuple[float, ...], ...] | None = None
    quantile: float = 0.97
    warm_up: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        if not 0 <= self.quantile <= 1:
            raise UserError(f"{name} quantile: wanted 0 to 1, got {self.quantile!r}")
        if not isinstance(self.warm_up, int) or self.warm_up < 0:
            raise UserError(f"{name} warm_up: wanted a number of epochs, got {self.warm_up!r}")
        if self.transition is not None:
            _check_stochastic(name, self.transition)

    @abstractmethod
    def corrected_loss(self, log_p: Tensor, labels: Tensor, transition: Tensor) -> Tensor:
        """Loss of each node, shape ``(K,)``.

        Args:
            log_p: log-probabilities of the true class, shape ``(K, C)``.
            labels: given labels, shape ``(K,)``.
            transition: shape ``(C, C)``, of the dtype and on the device of ``log_p``.
        """

    def estimate(self, data: Data, task: Task, seed: int) -> Tensor:
        """The matrix from a plain training on the given labels, shape ``(C, C)``."""
        plain = CrossEntropy(**{f.name: getattr(self, f.name) for f in fields(CrossEntropy)})
        warm = replace(plain, epochs=self.warm_up or self.epochs, snapshots=()).fit(
            data, task, seed
        )
        every = torch.arange(int(data.num_nodes or 0), device=data.edge_index.device)
        return anchor_transition(task.response(warm.model, data, every), self.quantile)

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        count = classes_of(type(self).__name__, task)
        if self.transition is None:
            rows = self.estimate(data, task, seed).double().cpu()
            rows = rows / rows.sum(1, keepdim=True)
            knowing = replace(self, transition=tuple(map(tuple, rows.tolist())))
            return knowing.objective(data, task, seed)
        if len(self.transition) != count:
            raise UserError(
                f"{type(self).__name__} transition: wanted {count} rows, one a class, got "
                f"{len(self.transition)}"
            )
        return super().objective(data, task, seed)

    def node_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.transition is None:
            raise UserError(
                f"{type(self).__name__}: the loss needs a transition matrix; give it, or take the "
                "objective, which estimates it"
            )
        matrix = torch.tensor(self.transition, dtype=logits.dtype, device=logits.device)
        return self.corrected_loss(logits.log_softmax(-1), labels, matrix)


def _check_stochastic(name: str, rows: tuple[tuple[float, ...], ...]) -> None:
    square = len(rows) >= 2 and all(len(row) == len(rows) for row in rows)
    if not square or any(
        min(row) < 0 or not math.isclose(sum(row), 1, abs_tol=1e-4) for row in rows
    ):
        raise UserError(
            f"{name} transition: wanted a square matrix of probabilities whose rows sum to 1, got "
            f"{rows!r}"
        )
