"""Tasks: how a model answers, how it is trained and how it is scored."""

from graphforget.task.base import Task
from graphforget.task.links import LinkPrediction
from graphforget.task.nodes import NodeClassification

__all__ = ["LinkPrediction", "NodeClassification", "Task"]
