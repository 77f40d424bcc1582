"""What one step of ERASE minimises, on the whole graph or on a batch of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.checks import classes_of
from graphforget.learn.erase.network import network_in, representations, settled
from graphforget.learn.rate.loss import coding_rate_loss
from graphforget.learn.semantic import hard_labels
from graphforget.task import Task

if TYPE_CHECKING:  # the learner stands above this module
    from graphforget.learn.erase.learner import ERASE


@dataclass(frozen=True)
class CodingRate:
    """Settings of the coding rate ``gamma1 Rc - gamma2 R`` (erase_graph.md 1.4 and 1.5).

    Args:
        gamma1: weight of the classes' rates.
        gamma2: weight of the rate of all rows.
        eps: squared distortion that the code may have.
    """

    gamma1: float = 1.0
    gamma2: float = 2.0
    eps: float = 0.05

    def __post_init__(self) -> None:
        if not (self.eps > 0 and self.gamma1 >= 0 and self.gamma2 >= 0):
            raise UserError(
                f"coding rate: wanted eps above 0 and weights from 0, got {self!r}"
            )

    def __call__(
        self, z: Tensor, labels: Tensor, num_classes: int, distributed: bool = False
    ) -> Tensor:
        """The loss of representations ``(n, d)`` with labels ``(n,)``; -1 leaves a row out.

        With ``distributed`` the rows of all processes count, and the gradient is what data
        parallel training averages.
        """
        return coding_rate_loss(
            z, labels, num_classes, self.gamma1, self.gamma2, self.eps, distributed=distributed
        )


class ERASEObjective:
    """Semantic labels for all nodes, then the coding rate of the representations with them.

    The head learns beside it from the labels of the training nodes, without a say in the
    representations unless ``cross_entropy`` gives it one over all nodes. Nodes that have neither
    features nor edges are left out: nothing tells them apart.

    Args:
        learner: the settings.
        data: the graph.
        task: node classification.
        warm_up: epochs in which the given labels are learnt by cross-entropy first.
    """

    z: Tensor
    """Representations of the last step, shape ``(N, d)``."""
    labels: Tensor
    """Labels that the last step used, shape ``(N,)``; -1 for none."""
    distributed: bool = False
    """Whether other processes of `torch.distributed` hold further rows of the same step."""

    def __init__(self, learner: ERASE, data: Data, task: Task, warm_up: int = 0) -> None:
        self.learner, self.classes = learner, classes_of("ERASE", task)
        self.data, self.graph = data, learner.inputs(data)
        self.given = torch.full_like(data.y, -1)
        items = task.train_items(data)
        self.given[items] = data.y[items]
        self.known = self.given >= 0
        self.told = informed(data)
        self.structural = learner.labels.structural(data, self.classes)
        self.matrix = learner.labels.operator.matrix(data.edge_index, int(data.num_nodes or 0))
        self.labels, self.warm_up, self.epoch = self.given, warm_up, 0
        self.teacher: nn.Module | None = None
        self._soft: Tensor | None = None
        self._fresh: Tensor | None = None

    def __call__(self, model: nn.Module, generator: Generator) -> Tensor:
        """The loss of one step on the whole graph."""
        z = representations(model, self.graph.x, self.graph.edge_index)
        self.z = z.detach()
        self.epoch += 1
        if self.warming:
            return self.cross_entropy(model, z, self.given)
        self.relabel(model, self.z)
        return self.loss(model, z, self.labels, self.known)

    @property
    def warming(self) -> bool:
        """Whether the given labels are still being learnt."""
        return self.epoch <= self.warm_up

    def relabel(self, model: nn.Module, z: Tensor) -> None:
        """Give every node its semantic label (erase_graph.md 1.3), from ``z`` or its settings."""
        learner = self.learner
        if learner.evaluation_labels:
            z = self.settled(model)
            self._fresh = None  # the next step has other weights
        soft = learner.labels(z, self.structural, self.matrix)
        if learner.label_momentum and self._soft is not None:
            soft = soft.lerp(self._soft, learner.label_momentum)
        if model.training:
            self._soft = soft
        self.labels = torch.where(self.told, hard_labels(soft), -1)

    def settled(self, model: nn.Module) -> Tensor:
        """Representations in eval mode, of the averaged network where there is one, ``(N, d)``."""
        if self._fresh is None:
            asked = model if self.teacher is None else self.teacher
            self._fresh = settled(asked, self.graph.x, self.graph.edge_index)
        return self._fresh

    def moved(self) -> None:
        """Take note that the weights have changed."""
        self._fresh = None

    def loss(self, model: nn.Module, z: Tensor, labels: Tensor, known: Tensor) -> Tensor:
        """The loss of representations with labels.

        Args:
            model: with the head.
            z: shape ``(n, d)``.
            labels: shape ``(n,)``; -1 for none.
            known: which rows are labelled training nodes, bool, shape ``(n,)``.
        """
        rate = self.learner.coding(z, labels, self.classes, self.distributed)
        weight = self.learner.cross_entropy
        if weight:
            return rate + weight * self.cross_entropy(model, z, labels)
        return rate + self.cross_entropy(model, z.detach(), torch.where(known, labels, -1))

    def cross_entropy(self, model: nn.Module, z: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy of the head on the rows that have a label; 0 where none has."""
        logits = network_in(model).classify(z)
        total = F.cross_entropy(logits, labels, ignore_index=-1, reduction="sum")
        return total / (labels >= 0).sum().clamp(min=1)


def informed(data: Data) -> Tensor:
    """Which nodes have any feature or any edge to another node, bool, shape ``(N,)``.

    >>> data = Data(x=torch.tensor([[0.0], [0.0], [1.0]]), edge_index=torch.tensor([[0], [0]]))
    >>> informed(data)
    tensor([False, False,  True])
    """
    x = data.x if data.x.layout is torch.strided else data.x.to_dense()
    told = (x != 0).any(1)
    source, target = data.edge_index[:, data.edge_index[0] != data.edge_index[1]]
    told[source] = True
    told[target] = True
    return told


def averaged_copy(model: nn.Module) -> nn.Module:
    """A copy that is to follow a model's average: in eval mode and without gradients."""
    result = copy.deepcopy(model).eval()
    for parameter in result.parameters():
        parameter.requires_grad_(False)
    return result
