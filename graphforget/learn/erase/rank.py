"""How many dimensions representations really use, and a watch on their collapse to a few."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from graphforget.learn.state import part, restore_optimizer, snapshot


@torch.no_grad()
def effective_rank(z: Tensor) -> float:
    """Number of dimensions that representations spread over: the exponential of an entropy.

    The entropy is that of the singular values as shares of their sum (Roy and Vetterli, EUSIPCO
    2007). It is the rank of rows in equal amounts along orthogonal directions, and 0 if all are
    zero.

    Args:
        z: shape ``(N, d)``; costs ``N d^2 + d^3``.

    >>> round(effective_rank(torch.eye(5)), 4), effective_rank(torch.zeros(3, 2))
    (5.0, 0.0)
    """
    gram = z.T @ z if z.size(0) >= z.size(1) else z @ z.T
    values = torch.linalg.eigvalsh(gram.double()).clamp(min=0).sqrt()
    if not bool(torch.isfinite(values).all()) or float(values.max()) == 0:
        return 0.0
    share = values / values.sum()
    return float(torch.special.entr(share).sum().exp())


@dataclass(frozen=True)
class RankMonitor:
    """When to call representations collapsed, and what to do then.

    Very wide or deep encoders can fall to one dimension, where all nodes look alike
    (erase_graph.md 4, item 18). The weights then go back to those of the last look at which all
    was well, and the step size is multiplied by ``slower``; after ``patience`` such returns
    training ends there. Each is told as a warning.

    Args:
        every: epochs between looks.
        floor: effective rank below which representations have collapsed; half the number of
            classes and at least 1.5 if it is 0.
        slower: factor on the learning rate after a collapse.
        patience: returns before training ends.
    """

    every: int = 10
    floor: float = 0.0
    slower: float = 0.3
    patience: int = 4

    def __post_init__(self) -> None:
        whole = all(isinstance(n, int) and n >= 1 for n in (self.every, self.patience))
        if not whole or self.floor < 0 or not 0 < self.slower <= 1:
            raise UserError(
                f"rank monitor: wanted counts from 1, a floor from 0 and a factor up to 1, got "
                f"{self!r}"
            )

    def threshold(self, num_classes: int) -> float:
        """Effective rank below which representations of so many classes have collapsed."""
        return self.floor or max(1.5, num_classes / 2)


class RankWatch(pl.Callback):
    """Looks at the training's representations every few steps and acts on a collapse.

    Args:
        monitor: when and what.
        model: the network in training.
        optimizer: its optimiser.
        representations: an object whose ``z``, shape ``(N, d)``, is that of the last step.
        num_classes: number of classes.
        steps: optimiser steps an epoch.
    """

    def __init__(
        self, monitor: RankMonitor, model: nn.Module, optimizer: Optimizer, representations: Any,
        num_classes: int, steps: int = 1,
    ) -> None:
        self.monitor, self.steps = monitor, steps
        self.rank = float("nan")
        """Effective rank at the last look."""
        self.returns = 0
        """How often the weights went back."""
        self._model, self._optimizer, self._seen = model, optimizer, representations
        self._threshold = monitor.threshold(num_classes)
        self._well = snapshot(model, optimizer)

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look if it is time."""
        if (batch_idx + 1) % (self.monitor.every * self.steps):
            return
        self.rank = effective_rank(self._seen.z)
        if self.rank >= self._threshold:
            self._well = snapshot(self._model, self._optimizer)
            return
        self.returns += 1
        ends = self.returns >= self.monitor.patience
        self._go_back()
        warnings.warn(
            f"representations collapsed to an effective rank of {self.rank:.1f} (wanted "
            f"{self._threshold:.1f}) after {batch_idx + 1} steps: back to earlier weights, "
            + ("training ends" if ends else f"{self.monitor.slower:g} of the learning rate")
            + "; a narrower or shallower encoder helps",
            stacklevel=1,  # Lightning calls this, and its warnings are silenced
        )
        if ends:
            trainer.should_stop = True

    def _go_back(self) -> None:
        self._model.load_state_dict(part(self._well, "model"))
        self._optimizer.state.clear()
        restore_optimizer(self._model, self._optimizer, part(self._well, "optimizer"))
        for group in self._optimizer.param_groups:
            group["lr"] *= self.monitor.slower
