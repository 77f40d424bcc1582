"""What ERASE does after each epoch: average, fit the head, keep the best, stop in time."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from graphforget.learn.erase.head import Head
from graphforget.learn.erase.network import network_in
from graphforget.learn.erase.objective import ERASEObjective
from graphforget.learn.keep_best import KeepBest


class Average(pl.Callback):
    """Keeps a running average of a network's weights in a copy of it.

    Early on the average forgets faster, so that it is never held back by the first weights.

    Args:
        model: the network in training.
        averaged: the copy.
        decay: share of the old average that stays at each step.
    """

    def __init__(self, model: nn.Module, averaged: nn.Module, decay: float) -> None:
        self._model, self._averaged, self._decay = model, averaged, decay

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take in the weights after a step."""
        keep = min(self._decay, (1 + batch_idx) / (10 + batch_idx))
        now = self._model.state_dict()
        for name, value in self._averaged.state_dict().items():
            if value.is_floating_point():
                value.lerp_(now[name].to(value), 1 - keep)
            else:  # a count of batches, say
                value.copy_(now[name])


class HeadEpochs(KeepBest):
    """Fits the head every few epochs, scores the validation nodes, keeps the best, stops in time.

    Validation labels are those in ``data.y``: wrong where they are wrong.

    Args:
        model: the network that answers: that in training, or its average.
        moved: the network in training.
        optimizer: whose state is kept with the weights.
        objective: of the training; says labels and representations.
        head: how the head is fitted.
        validation: nodes to choose by, shape ``(M,)``; none for the last epoch.
        steps: optimiser steps an epoch.
        epochs: of the training.
        patience: epochs without a better one after which training ends; 0 for never. Without
            nodes to choose by it never does.
    """

    last: int = 0
    """The last epoch that ended."""

    def __init__(
        self, model: nn.Module, moved: nn.Module, optimizer: Optimizer, objective: ERASEObjective,
        head: Head, validation: Tensor, steps: int, epochs: int, patience: int,
    ) -> None:
        super().__init__(model, optimizer, moved)
        self._objective, self._head, self._validation = objective, head, validation
        self._steps, self._epochs = steps, epochs
        self._patience = patience if validation.numel() else 0

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """See to the head if an epoch has ended whose turn it is."""
        self._objective.moved()
        epoch, rest = divmod(batch_idx + 1, self._steps)
        if rest:
            return
        self.last = epoch
        if epoch % self._head.every == 0 or epoch == self._epochs:
            self.see(epoch)
        if self._patience and epoch - self.epoch > self._patience:
            trainer.should_stop = True

    def see(self, epoch: int) -> None:
        """Fit the head to the network as it is, score it, and keep it if none was better."""
        objective = self._objective
        z = fit_head(self._model, objective, self._head)
        if not self._validation.numel():
            return
        with torch.no_grad():
            answers = network_in(self._model).classify(z[self._validation]).argmax(1)
        truth = objective.data.y[self._validation]
        self.keep(epoch, float((answers == truth).float().mean()))


def fit_head(model: nn.Module, objective: ERASEObjective, head: Head) -> Tensor:
    """Fit a network's head to the labels of the last step; gives its settled representations.

    Raises:
        UserError: representations are not finite.
    """
    z = objective.settled(model)
    if not bool(torch.isfinite(z).all()):
        raise UserError(
            "ERASE: the representations are no longer finite; lower the learning rate"
        )
    rows = objective.labels >= 0 if head.all_nodes else objective.known
    labels = torch.where(rows, objective.labels, -1)
    if bool((labels >= 0).any()):
        head.fit(network_in(model).head, F.normalize(z, dim=1), labels)
    return z
