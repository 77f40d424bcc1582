"""Keeping the epoch that does best on the validation items."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.aside import aside
from graphforget.learn.keep_best import KeepBest
from graphforget.task import Task


def validation_score(model: nn.Module, data: Data, task: Task) -> float:
    """The task's score of the validation items: accuracy for nodes, ROC-AUC for links.

    Labels are those in ``data.y``: wrong where they are wrong. Test items are taken out of the
    graph first, so they cannot have a say. Training goes on afterwards as if nothing had been
    asked: modes of all modules and the random generators are left as they were.

    Args:
        model: network with ``forward(x, edge_index)``, in whatever mode; it answers in eval mode.
        data: the graph.
        task: what is scored.

    Raises:
        UserError: there is nothing to score.

    Example:
        >>> from graphforget.nn import GCN
        >>> from graphforget.task import NodeClassification
        >>> data = Data(x=torch.eye(2), edge_index=torch.tensor([[0, 1], [1, 0]]),
        ...             y=torch.tensor([0, 0]), val_mask=torch.tensor([True, True]))
        >>> validation_score(GCN(4).build(2, 1, seed=0), data, NodeClassification(1))
        1.0
    """
    with aside(model):
        scores = task.evaluate(model, _without_test(data))
    score = next((value for name, value in scores.items() if name.startswith("val_")), None)
    if score is None:
        raise _nothing_to_choose_by()
    return score


def _nothing_to_choose_by() -> UserError:
    return UserError(
        "best epoch: wanted validation items with labels, got none; split the graph with a "
        "validation part, or take the last epoch (best=False)"
    )


class BestEpoch(KeepBest):
    """Scores the validation items as training goes and keeps the weights of the best epoch.

    Args:
        model: the network in training.
        data: the graph, in the form that the network multiplies fastest.
        task: decides what is scored.
        every: score every so many epochs; the last epoch is scored only if it is its turn.
        steps: optimiser steps in an epoch.
        optimizer: if given, its state is kept with the weights.

    Raises:
        UserError: the graph has no validation items.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Data,
        task: Task,
        every: int = 1,
        steps: int = 1,
        optimizer: Optimizer | None = None,
    ) -> None:
        if task.val_items(data).numel() == 0:
            raise _nothing_to_choose_by()
        super().__init__(model, optimizer)
        self._data, self._task = data, task
        self._every, self._steps = every, steps

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Score the model if an epoch has ended whose turn it is."""
        epoch, rest = divmod(batch_idx + 1, self._steps)
        if rest == 0 and epoch % self._every == 0:
            self.see(epoch)

    def see(self, epoch: int) -> None:
        """Score the model as it is now, after ``epoch``, and keep it if none was better.

        For loops of one's own; in a Trainer this is called when it is time.
        """
        self.keep(epoch, validation_score(self._model, self._data, self._task))


def _without_test(data: Data) -> Data:
    result = copy.copy(data)
    for name in ("test_mask", "test_pos_edge_index", "test_neg_edge_index"):
        if name in result:
            mask = name == "test_mask"
            result[name] = torch.zeros_like(data[name]) if mask else data[name][:, :0]
    return result
