"""The base of learners that are about labels of nodes."""

from __future__ import annotations

from dataclasses import dataclass

from torch_geometric.data import Data

from graphforget.learn.checks import classes_of
from graphforget.learn.cross_entropy import CrossEntropy
from graphforget.protocols import Objective
from graphforget.task import Task
from graphforget.trained import Trained


@dataclass(frozen=True)
class NodeLearner(CrossEntropy):
    """Train as `CrossEntropy` does, but refuse tasks without labels that could be wrong."""

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        classes_of(type(self).__name__, task)
        return super().fit(data, task, seed)

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        classes_of(type(self).__name__, task)
        return super().objective(data, task, seed)
