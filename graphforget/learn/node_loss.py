"""The base of losses that replace the cross-entropy of the training nodes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.learn.checks import classes_of
from graphforget.learn.cross_entropy import CrossEntropy
from graphforget.protocols import Objective
from graphforget.task import Task
from graphforget.trained import Trained


@dataclass(frozen=True)
class NodeLoss(CrossEntropy):
    """Train as `CrossEntropy` does, with another loss of each training node.

    Subclasses write `node_loss` and are about node classification alone.
    """

    @abstractmethod
    def node_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each node: logits ``(K, C)`` and given labels ``(K,)`` to shape ``(K,)``."""

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        classes_of(type(self).__name__, task)
        return super().fit(data, task, seed)

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        classes_of(type(self).__name__, task)
        return super().objective(data, task, seed)

    def loss(self, model: nn.Module, data: Data, task: Task, generator: Generator) -> Tensor:
        items = task.train_items(data)
        logits = task.logits(model, data, items)
        if not items.numel():  # a batch may hold no training node
            return logits.sum()
        return self.node_loss(logits, data.y[items]).mean()
