"""Label propagation, then training: what the graph says of a label before a network sees it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.checks import classes_of
from graphforget.learn.denoise import propagate
from graphforget.learn.operators import Operator, Symmetric
from graphforget.learn.robust.node_learner import NodeLearner
from graphforget.protocols import Objective
from graphforget.task import Task


def propagated_labels(
    y: Tensor, given: Tensor, matrix: Tensor, num_classes: int, alpha: float, steps: int
) -> Tensor:
    """Where labels arrive that are sent along the edges and brought back at every step.

    Zhou et al., Learning with Local and Global Consistency, NIPS 2003.

    Args:
        y: labels, shape ``(N,)``.
        given: bool, shape ``(N,)``; nodes whose label is sent.
        matrix: sparse ``(N, N)``.
        num_classes: ``C``.
        alpha: weight of the given label against what comes along the edges.
        steps: how many hops labels travel.

    Returns:
        Shape ``(N, C)``; rows sum to 1, or are 0 where no label arrives.

    >>> path = Symmetric().matrix(torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), 3)
    >>> y, given = torch.tensor([0, 1, 1]), torch.tensor([True, False, True])
    >>> propagated_labels(y, given, path, 2, alpha=0.5, steps=1)
    tensor([[1.0000, 0.0000],
            [0.5000, 0.5000],
            [0.0000, 1.0000]])
    """
    start = F.one_hot(torch.where(given, y, 0), num_classes).float() * given.unsqueeze(1)
    arrived = propagate(start, matrix, alpha, steps, anchor=True)
    return F.normalize(arrived, p=1, dim=1)


def soft_cross_entropy(logits: Tensor, received: Tensor) -> Tensor:
    """Mean cross-entropy to distributions over the classes, of the nodes that have one.

    Args:
        logits: shape ``(K, C)``.
        received: shape ``(K, C)``; rows sum to 1, or are 0 for a node without.

    >>> half = torch.tensor([[0.5, 0.5], [0.0, 0.0]])
    >>> soft_cross_entropy(torch.zeros(2, 2), half)
    tensor(0.6931)
    """
    received = received.to(logits.dtype)
    total = -(received * logits.log_softmax(-1)).sum()
    return total / received.any(1).sum().clamp(min=1)


@dataclass(frozen=True)
class LabelPropagation(NodeLearner):
    """Send the given labels along the edges, then train on what every node has received.

    The labels of the training nodes travel as in Zhou et al., Learning with Local and Global
    Consistency, NIPS 2003, and the network learns the received distributions by cross-entropy on
    all nodes that any label reaches: a wrong label among right ones is outvoted. Validation and
    test labels are not read.

    Args:
        alpha: weight of a node's given label against what its neighbours send. The paper's 0.01
            needs hundreds of hops to settle.
        hops: how far labels travel.
        operator: how labels travel.
    """

    alpha: float = 0.1
    hops: int = 50
    operator: Operator = Symmetric()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.alpha <= 1:
            raise UserError(f"LabelPropagation alpha: wanted above 0 up to 1, got {self.alpha!r}")
        if not isinstance(self.hops, int) or self.hops < 0:
            raise UserError(f"LabelPropagation hops: wanted a number from 0, got {self.hops!r}")

    def received(self, data: Data, task: Task) -> Tensor:
        """The distribution over classes that each node is trained on, shape ``(N, C)``."""
        given = torch.zeros_like(data.train_mask)
        given[task.train_items(data)] = True
        matrix = self.operator.matrix(data.edge_index, int(data.num_nodes or 0))
        return propagated_labels(
            data.y, given, matrix, task.out_channels, self.alpha, self.hops
        )

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        classes_of(type(self).__name__, task)
        parts, received = self.parts(data, seed), self.received(data, task)

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            part = next(parts)
            return soft_cross_entropy(model(part.x, part.edge_index), received[part.n_id])

        return loss
