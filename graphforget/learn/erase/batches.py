"""ERASE on graphs that are too large for one step: batches, one by one or exactly together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.data.batches import disjoint_batches, node_batches
from graphforget.learn.erase.network import network_in, representations
from graphforget.learn.erase.objective import ERASEObjective
from graphforget.learn.rate.grams import two_pass
from graphforget.task import Task

if TYPE_CHECKING:  # the learner stands above this module
    from graphforget.learn.erase.learner import ERASE


class BatchObjective(ERASEObjective):
    """The same on one batch after another; labels are made anew at the start of each epoch.

    Labels come from the representations of the whole graph in eval mode, the loss is that of all
    nodes of a batch (erase_graph.md 1.7).

    Args:
        learner: the settings.
        data: the graph.
        task: node classification.
        warm_up: epochs in which the given labels are learnt by cross-entropy first.
        seed: of the batches.
    """

    def __init__(
        self, learner: ERASE, data: Data, task: Task, warm_up: int = 0, seed: int = 0
    ) -> None:
        super().__init__(learner, data, task, warm_up)
        self._next = self._batches(seed)

    def __call__(self, model: nn.Module, generator: Generator) -> Tensor:
        """The loss of one step on the next batch."""
        begins, batch = next(self._next)
        if begins:
            self.start_epoch(model)
        return self.part(model, batch)

    def start_epoch(self, model: nn.Module) -> None:
        """Make the labels of an epoch."""
        self.epoch += 1
        if not self.warming:
            self.relabel(model, self.settled(model))
            self.moved()  # steps follow that nobody tells of

    def part(self, model: nn.Module, batch: Data) -> Tensor:
        """The loss of a batch, which names its nodes by ``n_id``, shape ``(n,)``."""
        z = representations(model, batch.x, batch.edge_index)
        self.z = z.detach()
        if self.warming:
            return self.cross_entropy(model, z, self.given[batch.n_id])
        return self.loss(model, z, self.labels[batch.n_id], self.known[batch.n_id])

    def _batches(self, seed: int) -> Iterator[tuple[bool, Data]]:
        batches = node_batches(self.data, self.learner.batch_nodes, seed)
        while True:
            for place, batch in enumerate(batches):
                yield place == 0, batch


class TwoPassObjective(ERASEObjective):
    """The coding rate of all batches together, exactly, in one step an epoch (erase_graph.md 6).

    The gradient is that of the whole graph, as far as batches hold the neighbours of their nodes;
    memory follows the batch, but for the representations that labels are made from.

    Args:
        learner: the settings.
        data: the graph.
        task: node classification.
        seed: of the batches and of the dropout.
    """

    def __init__(self, learner: ERASE, data: Data, task: Task, seed: int = 0) -> None:
        super().__init__(learner, data, task)
        self._batches = disjoint_batches(data, learner.batch_nodes, seed)
        self._generator = Generator().manual_seed(seed)

    def __call__(self, model: nn.Module, generator: Generator) -> Tensor:
        """The loss of one step on all batches."""
        self.epoch += 1
        self.z = self.settled(model)
        self.relabel(model, self.z)
        self.moved()
        coding = self.learner.coding
        rate = two_pass(
            model, list(self._batches), self._represent, self.classes, coding.gamma1,
            coding.gamma2, coding.eps,
            seed=int(torch.randint(2**62, (), generator=self._generator)),
        )
        head = network_in(model)
        known = torch.where(self.known, self.labels, -1)
        return rate + self.cross_entropy(head, self.z, known)

    def _represent(self, model: nn.Module, batch: Data) -> tuple[Tensor, Tensor]:
        return representations(model, batch.x, batch.edge_index), self.labels[batch.n_id]
