"""ClickLearner: a click model as a learner, so that what it learned can be forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.state import Snapshots, optimizer_state
from graphforget.learn.trainer import descend
from graphforget.protocols import Learner, Objective
from graphforget.task import Task
from graphforget.trained import Trained
from recsys.click_log import ClickLog
from recsys.learn.click_data import batch_sizes
from recsys.models import Backbone, ClickModel, DeepFM
from recsys.task import ClickPrediction


class RowNetwork(nn.Module):
    """A click model as a network ``forward(x, edge_index)`` over rows.

    Args:
        model: gives the logit ``s`` of a row.
    """

    def __init__(self, model: ClickModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Logits ``[0, s]`` of rows, shape ``(B, 2)``, from their ids, shape ``(B, C)``."""
        clicked = self.model(x)
        return torch.stack([torch.zeros_like(clicked), clicked], dim=1)


@dataclass(frozen=True)
class ClickLearner(Learner):
    """Adam on batches of rows for a fixed number of epochs.

    Without early stopping: what is repeated after a request is then as long as it was before.
    Use `recsys.learn.train_click` for models that nothing will have to be forgotten from.

    Args:
        backbone: the network above the embedding.
        width: of the embedding.
        epochs: passes over the training rows.
        learning_rate: step size of Adam.
        weight_decay: L2 penalty of Adam.
        batch_size: rows a step, 2 or more; see `recsys.learn.click_data.batch_sizes`.
        snapshots: shares of the training after which weights and optimiser state are kept.
    """

    backbone: Backbone = DeepFM()
    width: int = 8
    epochs: int = 2
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 512
    snapshots: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        sizes = (self.width, self.epochs, self.batch_size - 1)
        whole = all(isinstance(size, int) and size >= 1 for size in sizes)
        if not (whole and self.learning_rate > 0 and self.weight_decay >= 0):
            raise UserError(
                "ClickLearner: wanted width and epochs from 1, batch_size from 2, a learning rate "
                f"above 0 and a weight decay from 0, got {self!r}"
            )
        if not all(0 < share <= 1 for share in self.snapshots):
            raise UserError(f"ClickLearner snapshots: wanted shares up to 1, got {self.snapshots}")

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        if not isinstance(data, ClickLog):
            raise UserError(
                f"ClickLearner: wanted a ClickLog, got {type(data).__name__}; make one with "
                "recsys.click_log.ClickLog.of"
            )
        model = ClickModel.of(data.fields, self.backbone, self.width, seed)
        return RowNetwork(model).to(data.x.device)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return torch.optim.Adam(parameters, lr=self.learning_rate, weight_decay=self.weight_decay)

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        if not isinstance(task, ClickPrediction):
            raise UserError(f"ClickLearner: wanted ClickPrediction, got {type(task).__name__}")
        task.check(data)
        model = self.build(data, task, seed)
        optimizer = self.optimizer(model.parameters())
        steps = self.steps(data)
        marks = {round(share * self.epochs) for share in self.snapshots} - {0}
        keep = Snapshots(model, optimizer, {epoch * steps: epoch for epoch in sorted(marks)})
        objective = self.objective(data, task, seed)
        descend(model, objective, optimizer, self.epochs * steps, seed, callbacks=[keep])
        return Trained(
            model=model,
            data=data,
            task=task,
            learner=self,
            seed=seed,
            optimizer=optimizer_state(model, optimizer),
            snapshots=keep.taken,
        )

    def steps(self, data: Data) -> int:
        rows = int((data.train_mask & (data.y >= 0)).sum())
        return max(1, len(batch_sizes(rows, self.batch_size)))

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        """The loss of one step: on the next batch of the rows in an order of the seed's."""
        batches = self.batches(data, task, seed)

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            rows = next(batches)
            return task.example_loss(task.logits(model, data, rows), data, rows).mean()

        return loss

    def batches(self, data: Data, task: Task, seed: int) -> Iterator[Tensor]:
        """Batches of training rows, epoch after epoch without end, each of shape ``(B,)``."""
        rows, generator = task.train_items(data), Generator().manual_seed(seed)
        sizes = batch_sizes(len(rows), self.batch_size)
        while True:
            order = torch.randperm(len(rows), generator=generator).to(rows.device)
            yield from rows[order].split(sizes)
