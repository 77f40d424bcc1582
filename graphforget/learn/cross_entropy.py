"""Plain training: the task's own loss, by Adam with weight decay."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from graphforget.data.batches import node_batches
from graphforget.learn.best_epoch import BestEpoch
from graphforget.learn.checks import check_training
from graphforget.learn.state import Snapshots, optimizer_state
from graphforget.learn.trainer import descend
from graphforget.nn import GCN, Encoder, sparse_features
from graphforget.protocols import Learner, Objective
from graphforget.task import Task
from graphforget.trained import Trained


class CrossEntropyModule(pl.LightningModule):
    """A graph model with its task's loss, for a Trainer and a `GraphDataModule` of one's own.

    Args:
        model: network with ``forward(x, edge_index)``.
        task: what it is trained for.
        learning_rate: step size of Adam.
        weight_decay: L2 penalty of Adam.
        seed: seed of the negatives that link prediction draws.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        learning_rate: float = 0.01,
        weight_decay: float = 5e-4,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.model, self.task = model, task
        self.save_hyperparameters("learning_rate", "weight_decay", "seed")

    def setup(self, stage: str) -> None:
        """Start the generator of negatives; they are drawn on the CPU and moved to the graph."""
        self.generator = Generator().manual_seed(self.hparams["seed"])

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """The network's output, shape ``(N, C)``."""
        return self.model(x, edge_index)

    def training_step(self, batch: Data, batch_idx: int) -> Tensor:
        """The task's loss on a graph or a batch of it."""
        loss = self.task.loss(self.model, batch, self.generator)
        self.log("train_loss", loss, batch_size=1)
        return loss

    def validation_step(self, batch: Data, batch_idx: int) -> None:
        """Log the task's scores of the held-out items."""
        scores = self.task.evaluate(self.model, batch)
        self.log_dict({k: v for k, v in scores.items() if k.startswith("val_")}, batch_size=1)

    def test_step(self, batch: Data, batch_idx: int) -> None:
        """Log the task's scores of the test items."""
        scores = self.task.evaluate(self.model, batch)
        self.log_dict({k: v for k, v in scores.items() if k.startswith("test_")}, batch_size=1)

    def configure_optimizers(self) -> Optimizer:
        """Adam."""
        return torch.optim.Adam(
            self.parameters(),
            lr=self.hparams["learning_rate"],
            weight_decay=self.hparams["weight_decay"],
        )


@dataclass(frozen=True)
class CrossEntropy(Learner):
    """Train an encoder by the task's cross-entropy for a fixed number of epochs.

    The defaults are those of Kipf and Welling (ICLR 2017) with the width of d2dgn.md section 9;
    nothing is chosen by looking at validation or test items unless ``best`` asks for it.

    Args:
        encoder: the network.
        epochs: passes over the training items.
        learning_rate: step size of Adam.
        weight_decay: L2 penalty of Adam; it is what forgets when training is resumed.
        batch_nodes: train on batches of about this many nodes; 0 for the whole graph at once.
        snapshots: shares of the training after which weights and optimiser state are kept, for
            unlearners that rewind.
        best: return the epoch with the best validation score, the first of equals, with the
            optimiser's state after it. The labels it is chosen by are those in the data: noisy
            where they are noisy. The last epoch is kept as the snapshot ``epochs``.
    """

    encoder: Encoder = GCN()
    epochs: int = 200
    learning_rate: float = 0.01
    weight_decay: float = 5e-4
    batch_nodes: int = 0
    snapshots: tuple[float, ...] = (0.5, 0.75, 0.9)
    best: bool = False

    def __post_init__(self) -> None:
        checks = {
            "epochs": isinstance(self.epochs, int) and self.epochs >= 1,
            "learning_rate": self.learning_rate > 0,
            "weight_decay": self.weight_decay >= 0,
            "batch_nodes": isinstance(self.batch_nodes, int) and self.batch_nodes >= 0,
            "snapshots": all(0 < share <= 1 for share in self.snapshots),
            "best": isinstance(self.best, bool),
        }
        for name, holds in checks.items():
            if not holds:
                raise UserError(
                    f"learner {name}: {getattr(self, name)!r} is out of range; epochs count from "
                    "1, rates and sizes are not negative, snapshots are shares up to 1, best is "
                    "true or false"
                )

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        model = self.encoder.build(data.num_features, task.out_channels, seed)
        return model.to(data.x.device, data.x.dtype if data.x.is_floating_point() else None)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return torch.optim.Adam(parameters, lr=self.learning_rate, weight_decay=self.weight_decay)

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        check_training(data, task)
        model = self.build(data, task, seed)
        optimizer = self.optimizer(model.parameters())
        keep = Snapshots(model, optimizer, self._snapshot_steps(data))
        best = self.selection(model, data, task, optimizer)
        steps = self.epochs * self.steps(data)
        descend(
            model,
            self.course(data, task, seed),
            optimizer,
            steps,
            seed,
            callbacks=[keep] if best is None else [keep, best],
        )
        if best is not None:
            best.restore()
        return Trained(
            model=model,
            data=data,
            task=task,
            learner=self,
            seed=seed,
            optimizer=optimizer_state(model, optimizer) if best is None else best.optimizer,
            snapshots=keep.taken,
        )

    def steps(self, data: Data) -> int:
        return math.ceil(data.num_nodes / self.batch_nodes) if self.batch_nodes else 1

    def inputs(self, data: Data) -> Data:
        return sparse_features(data) if self.encoder.sparse_input else data

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        """The loss of one step: on the whole graph, or on the next batch of it."""
        parts = self.parts(data, seed)
        return lambda model, generator: self.loss(model, next(parts), task, generator)

    def course(self, data: Data, task: Task, seed: int) -> Objective:
        """The objective of `fit` from its first step on, where training has a beginning.

        `objective` goes on with a model that has been trained; here both are the same.
        """
        return self.objective(data, task, seed)

    def parts(self, data: Data, seed: int) -> Iterator[Data]:
        """What one step after the other trains on, without end: the graph, or batches of it.

        Each has ``n_id``, shape ``(K,)``, its nodes' ids in ``data``.
        """
        if self.batch_nodes:
            return _endless(node_batches(data, self.batch_nodes, seed))
        whole = copy.copy(self.inputs(data))
        whole.n_id = torch.arange(int(data.num_nodes or 0), device=data.edge_index.device)
        return _endless([whole])

    def selection(
        self, model: nn.Module, data: Data, task: Task, optimizer: Optimizer
    ) -> BestEpoch | None:
        """What watches for the best epoch, or None where the last one is returned."""
        if not self.best:
            return None
        return BestEpoch(
            model, self.inputs(data), task, steps=self.steps(data), optimizer=optimizer
        )

    def _snapshot_steps(self, data: Data) -> dict[int, int]:
        """Step count -> epoch of each snapshot to keep."""
        epochs = {round(share * self.epochs) for share in self.snapshots}
        if self.best:
            epochs.add(self.epochs)
        return {epoch * self.steps(data): epoch for epoch in sorted(epochs)}


def _endless(batches: Iterable[Data]) -> Iterator[Data]:
    while True:
        yield from batches
