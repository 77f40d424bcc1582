"""What every learner refuses before it trains, in one line that says the way out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.task import NodeClassification, Task


def check_training(data: Data, task: Task) -> None:
    """Refuse data that a task cannot be learnt from.

    A class that no training node carries is no reason to refuse: it may have been forgotten.

    Args:
        data: the graph; ``x``, shape ``(N, F)``, ``y``, shape ``(N,)`` with -1 for no label.
        task: what is to be learnt.

    Raises:
        UserError: features missing or not finite; for node classification also a task of one
            class, labels that are no whole numbers or out of range, no training node with a
            label; and whatever the task itself refuses.

    >>> data = Data(x=torch.eye(2), y=torch.tensor([0, 5]), train_mask=torch.tensor([True, True]))
    >>> check_training(data, NodeClassification(2))
    Traceback (most recent call last):
    graphforget.core.errors.UserError: labels: wanted whole numbers from -1 (none) to 1, got 5; ...
    """
    _check_features(data.get("x"))
    if isinstance(task, NodeClassification):
        _check_labels(data.get("y"), task.num_classes, int(data.num_nodes or 0))
    task.check(data)
    if isinstance(task, NodeClassification) and task.train_items(data).numel() == 0:
        raise UserError(
            "labels: wanted a training node with a label, got none; give labels from 0 to some "
            "node of train_mask"
        )


def classes_of(method: str, task: Task) -> int:
    """The number of classes, for methods that are about wrong labels of nodes.

    Args:
        method: name of the method, for the message.
        task: what is to be learnt.

    Raises:
        UserError: if the task has no classes.

    >>> classes_of("GCE", NodeClassification(3))
    3
    """
    if not isinstance(task, NodeClassification):
        raise UserError(
            f"{method}: wanted node classification, got {type(task).__name__}, which has no "
            "labels that could be wrong; train with CrossEntropy"
        )
    return task.num_classes


def check_classes(method: str, data: Data, task: Task) -> None:
    """Refuse training labels of one class only: there is nothing to tell apart.

    Args:
        method: name of the method, for the message.
        data: the graph.
        task: what is to be learnt.

    Raises:
        UserError: fewer than two classes among the labels of the training nodes.
    """
    present = data.y[task.train_items(data)].unique()
    if present.numel() < 2:
        raise UserError(
            f"{method}: wanted training labels of at least two classes, got only "
            f"{present.tolist()}; label training nodes of another class"
        )


def _check_features(x: Tensor | None) -> None:
    if not isinstance(x, Tensor) or x.dim() != 2 or x.size(1) == 0:
        raise UserError("features: wanted x of shape (N, F), got none; give every node some number")
    values = x if x.layout is torch.strided else x.values()
    if not bool(torch.isfinite(values).all()):
        raise UserError(
            "features: wanted finite numbers in x, got NaN or infinity; fill the gaps, with 0 or "
            "the column's mean"
        )


def _check_labels(y: Tensor | None, num_classes: int, num_nodes: int) -> None:
    if num_classes < 2:
        raise UserError(
            f"labels: wanted at least two classes to tell apart, got {num_classes}; check y"
        )
    if not isinstance(y, Tensor):
        return  # the task says it better
    if y.shape != (num_nodes,) or y.is_floating_point() or y.is_complex():
        raise UserError(
            f"labels: wanted one whole number a node in y, got {y.dtype} of shape {tuple(y.shape)}"
        )
    outside = y[(y < -1) | (y >= num_classes)]
    if outside.numel():
        raise UserError(
            f"labels: wanted whole numbers from -1 (none) to {num_classes - 1}, got "
            f"{int(outside[0])}; correct y or the task's number of classes"
        )
