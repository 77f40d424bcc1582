"""Cross-entropy on semantic labels of all nodes: ERASE's labels without its coding rate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.aside import aside
from graphforget.learn.checks import classes_of
from graphforget.learn.robust.node_learner import NodeLearner
from graphforget.learn.semantic import SemanticLabels, hard_labels
from graphforget.protocols import Objective
from graphforget.task import Task


def hidden_layer(model: nn.Module, data: Data, task: Task) -> Tensor:
    """The unit-length activations before the last message-passing layer, in evaluation mode.

    Args:
        model: any network with message-passing layers; of one layer, its output is taken.
        data: the graph.
        task: reads the layers.

    Returns:
        Shape ``(N, H)``, not negative, no gradient.
    """
    with aside(model):
        layers = task.embeddings(model, data)
    return F.normalize(layers[max(0, len(layers) - 2)].relu(), dim=1)


@dataclass(frozen=True)
class SemanticCrossEntropy(NodeLearner):
    """Train on the given labels first, then on what each node resembles, all nodes alike.

    The labels of ERASE (Chen et al., CIKM 2024; erase_graph.md sections 1.3 and 5.6) with plain
    cross-entropy: after ``warm_up`` epochs on the given labels, at the start of each epoch every
    node is compared with the mean hidden representation of each class of training nodes, the
    answer travels along the edges, and the class that leads is what the node is trained on, with
    a label or without. Validation and test labels are not read.

    Args:
        labels: how semantic labels are made.
        warm_up: epochs on the given labels.
        averaged: weight of the soft labels so far against those of this epoch; 0 takes each
            epoch's as they are.
    """

    labels: SemanticLabels = SemanticLabels()
    warm_up: int = 30
    averaged: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.warm_up, int) or self.warm_up < 0:
            raise UserError(
                f"SemanticCrossEntropy warm_up: wanted a number of epochs, got {self.warm_up!r}"
            )
        if not 0 <= self.averaged < 1:
            raise UserError(
                f"SemanticCrossEntropy averaged: wanted 0 up to below 1, got {self.averaged!r}"
            )

    def course(self, data: Data, task: Task, seed: int) -> Objective:
        given, semantic = super().objective(data, task, seed), self.objective(data, task, seed)
        taken, warm = count(), self.warm_up * self.steps(data)
        return lambda *at: (given if next(taken) < warm else semantic)(*at)

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        """The loss after the warm-up: a model to go on with has representations already."""
        classes = classes_of(type(self).__name__, task)
        parts, whole, steps = self.parts(data, seed), self.inputs(data), self.steps(data)
        matrix = self.labels.operator.matrix(data.edge_index, int(data.num_nodes or 0))
        structural = self.labels.structural(data, classes)
        taken = count()
        soft = torch.zeros(0)
        target = torch.zeros(0)

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            nonlocal soft, target
            if next(taken) % steps == 0:
                fresh = self.labels(hidden_layer(model, whole, task), structural, matrix)
                soft = torch.lerp(fresh, soft, self.averaged) if soft.numel() else fresh
                target = hard_labels(soft)
            part = next(parts)
            logits, wanted = model(part.x, part.edge_index), target[part.n_id]
            total = F.cross_entropy(logits, wanted, ignore_index=-1, reduction="sum")
            return total / (wanted >= 0).sum().clamp(min=1)

        return loss
