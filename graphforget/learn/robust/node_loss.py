"""The base of losses that replace the cross-entropy of the training nodes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.learn.robust.node_learner import NodeLearner
from graphforget.task import Task


@dataclass(frozen=True)
class NodeLoss(NodeLearner):
    """Train as `CrossEntropy` does, with another loss of each training node.

    Subclasses write `node_loss`.
    """

    @abstractmethod
    def node_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of each node: logits ``(K, C)`` and given labels ``(K,)`` to shape ``(K,)``."""

    def loss(self, model: nn.Module, data: Data, task: Task, generator: Generator) -> Tensor:
        items = task.train_items(data)
        logits = task.logits(model, data, items)
        if not items.numel():  # a batch may hold no training node
            return logits.sum()
        return self.node_loss(logits, data.y[items]).mean()
