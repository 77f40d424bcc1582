"""Whether the model is still good, and whether it still knows a forgotten class."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from graphforget.core.metric import CLOSER_TO_ORACLE_IS_BETTER, HIGHER_IS_BETTER, metric
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.trained import Trained


@metric(HIGHER_IS_BETTER)
def utility(trained: Trained) -> dict[str, float]:
    """Accuracy and macro-F1, or ROC-AUC and average precision, on validation and test items.

    The scores are the task's own, on the model's own data.
    """
    return trained.task.evaluate(trained.model, trained.data)


@metric(CLOSER_TO_ORACLE_IS_BETTER)
def class_recall(answers: Tensor, y: Tensor, classes: Tensor) -> float:
    """Share of nodes of the forgotten classes that are still put into their class.

    Args:
        answers: class chosen for each node, shape ``(K,)``.
        y: true class of each, shape ``(K,)``.
        classes: the forgotten classes.

    >>> class_recall(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), torch.tensor([0]))
    0.5
    """
    return _share_right(answers, y, torch.isin(y, classes))


@metric(HIGHER_IS_BETTER)
def other_accuracy(answers: Tensor, y: Tensor, classes: Tensor) -> float:
    """Accuracy on the nodes of all other classes; arguments as for `class_recall`."""
    return _share_right(answers, y, ~torch.isin(y, classes))


@torch.no_grad()
def scores(trained: Trained, original: Trained, request: ForgetRequest) -> dict[str, float]:
    """Utility of a model after a request; for a class, recall and the other classes too.

    Args:
        trained: the model judged, on its own data.
        original: the run before the request, whose labels are complete.
        request: what was to be forgotten.
    """
    found = utility(trained)
    if request.kind == "class" and isinstance(trained.task, NodeClassification):
        items = original.task.test_items(original.data)
        chosen = trained.model(trained.data.x, trained.data.edge_index)[items].argmax(-1)
        y, classes = original.data.y[items], request.tensor.to(items.device)
        found["forgotten_class_recall"] = class_recall(chosen, y, classes)
        found["other_classes_accuracy"] = other_accuracy(chosen, y, classes)
    return found


def _share_right(answers: Tensor, y: Tensor, where: Tensor) -> float:
    if not bool(where.any()):
        return math.nan
    return float((answers[where] == y[where]).float().mean())
