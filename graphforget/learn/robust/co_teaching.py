"""Co-teaching: two networks, each trained on what the other finds easy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.robust.node_loss import NodeLoss
from graphforget.protocols import Objective
from graphforget.task import Task

PEER = 500_009
"""Added to the seed for the second network's first weights."""


def small_losses(losses: Tensor, share: float) -> Tensor:
    """Places of the smallest losses.

    Args:
        losses: shape ``(K,)``.
        share: how many of them, of all ``K``; at least one is taken where there is one.

    Returns:
        Shape ``(M,)`` int64.

    >>> import torch
    >>> small_losses(torch.tensor([3.0, 1.0, 2.0, 9.0]), 0.5)
    tensor([1, 2])
    """
    wanted = min(losses.numel(), max(1, int(share * losses.numel())))
    return losses.detach().argsort(stable=True)[:wanted]


@dataclass(frozen=True)
class CoTeaching(NodeLoss):
    """Train two networks at once; each takes steps on the nodes whose loss the other finds small.

    Han et al., Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels,
    NeurIPS 2018, algorithm 1. In epoch ``T``, counted from 1, each network names the share
    ``R(T) = 1 - rate * min(1, T / ramp)`` of its batch with the smallest cross-entropy, and the
    other learns from those alone: networks fit clean labels before noisy ones, and two that
    began differently do not share their errors. The first of the two is the result.

    An objective to go on with knows one network: it takes its own small losses.

    Args:
        rate: share of wrong labels, taken as known, as in the paper.
        ramp: epochs until as many labels as that are left out; the paper's ``T_k``. It takes 10
            of 200 epochs, of hundreds of steps each. An epoch on a whole graph is one step, and
            after ten of them a small loss says only which class is the largest; with batches, the
            paper's 10 will do.
    """

    rate: float = 0.3
    ramp: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.rate < 1:
            raise UserError(f"CoTeaching rate: wanted 0 up to below 1, got {self.rate!r}")
        if not isinstance(self.ramp, int) or self.ramp < 1:
            raise UserError(f"CoTeaching ramp: wanted a number of epochs from 1, got {self.ramp!r}")

    def remembered(self, epoch: int) -> float:
        """The share ``R(T)`` of labels that are trained on in an epoch counted from 1.

        >>> CoTeaching(rate=0.4, ramp=10).remembered(5)
        0.8
        """
        return 1 - self.rate * min(1.0, epoch / self.ramp)

    def node_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, reduction="none")

    def loss(self, model: nn.Module, data: Data, task: Task, generator: Generator) -> Tensor:
        """Mean over the nodes that the model itself finds easy, as at the end of training."""
        losses = self._losses(model, data, task)
        return _mean(losses, small_losses(losses, 1 - self.rate))

    def course(self, data: Data, task: Task, seed: int) -> Objective:
        parts, steps, taken = self.parts(data, seed), self.steps(data), count()
        peer = self.build(data, task, seed + PEER).train()
        optimizer = self.optimizer(peer.parameters())

        def exchange(model: nn.Module, generator: Generator) -> Tensor:
            share = self.remembered(next(taken) // steps + 1)
            part = next(parts)
            mine, theirs = self._losses(model, part, task), self._losses(peer, part, task)
            optimizer.zero_grad()
            _mean(theirs, small_losses(mine, share)).backward()
            optimizer.step()
            return _mean(mine, small_losses(theirs, share))

        return exchange

    def _losses(self, model: nn.Module, data: Data, task: Task) -> Tensor:
        items = task.train_items(data)
        return self.node_loss(task.logits(model, data, items), data.y[items])


def _mean(losses: Tensor, chosen: Tensor) -> Tensor:
    return losses[chosen].sum() / max(1, chosen.numel())  # a batch may hold no training node
