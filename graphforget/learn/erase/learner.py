"""ERASE: representations that wrong labels hardly reach, and a head on top of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.checks import check_classes, check_training, classes_of
from graphforget.learn.erase.batches import BatchObjective, TwoPassObjective
from graphforget.learn.erase.epochs import Average, HeadEpochs
from graphforget.learn.erase.head import Head, LogisticHead
from graphforget.learn.erase.network import ERASENetwork
from graphforget.learn.erase.objective import CodingRate, ERASEObjective, averaged_copy
from graphforget.learn.erase.rank import RankMonitor, RankWatch
from graphforget.learn.semantic import SemanticLabels
from graphforget.learn.state import Snapshots, optimizer_state, snapshot
from graphforget.learn.trainer import descend
from graphforget.nn import Encoder, NormalisedGAT, sparse_features
from graphforget.protocols import Learner, Objective
from graphforget.task import Task
from graphforget.trained import Trained


@dataclass(frozen=True)
class ERASE(Learner):
    """Learn from labels of which many may be wrong (Chen et al., CIKM 2024, arXiv 2312.08852).

    Every step gives all nodes semantic labels, from how close they are to the mean of each class
    and from their neighbours, and spreads representations out while it keeps each class compact.
    A head is fitted to the semantic labels of the training nodes. The epoch is chosen by the
    validation labels as they are; the weights of the last epoch are the last snapshot.

    The published settings are in `graphforget.learn.erase.presets`; what they do not have is
    off by default: cross-entropy on all nodes, a warm-up, steadier labels and averaged weights.

    Args:
        encoder: the network below the representations.
        width: of the representations.
        unit_features: scale the features of each node to an L1 norm of 1 first.
        input_dropout: probability of dropping a feature in training.
        order: of the norm that bounds the representations.
        labels: how semantic labels are made.
        coding: settings of the coding rate.
        cross_entropy: weight of the head's cross-entropy over all nodes' semantic labels; with 0
            the head has no say in the representations.
        warm_up: epochs that learn the given labels by cross-entropy first.
        evaluation_labels: take semantic labels from an eval-mode pass, of the averaged weights
            where there are any, instead of from the training pass.
        label_momentum: share of the earlier soft labels that stays in each step's.
        average: share of the old average that stays in the running average of the weights, which
            then is the result; 0 for the weights themselves.
        head: how classes are read off the representations.
        rank: what to do if representations collapse; None for nothing.
        epochs: passes over the graph at most.
        patience: epochs without a better one after which training ends; 0 for never.
        best: return the epoch that does best on the validation nodes, if there are any.
        learning_rate: step size of Adam, in its variant AMSGrad.
        weight_decay: L2 penalty of Adam.
        batch_nodes: train on batches of about this many nodes; 0 for the whole graph at once.
        two_pass: take one exact step an epoch over all batches together, instead of a step a
            batch; without cross-entropy and warm-up.
        snapshots: shares of the training after which weights, as they are and not averaged, and
            optimiser state are kept.
    """

    encoder: Encoder = NormalisedGAT()
    width: int = 512
    unit_features: bool = True
    input_dropout: float = 0.5
    order: int = 1
    labels: SemanticLabels = SemanticLabels()
    coding: CodingRate = CodingRate()
    cross_entropy: float = 0.0
    warm_up: int = 0
    evaluation_labels: bool = False
    label_momentum: float = 0.0
    average: float = 0.0
    head: Head = LogisticHead()
    rank: RankMonitor | None = RankMonitor()
    epochs: int = 400
    patience: int = 150
    best: bool = True
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    batch_nodes: int = 0
    two_pass: bool = False
    snapshots: tuple[float, ...] = (0.5, 0.75, 0.9)

    def __post_init__(self) -> None:
        checks = {
            "width": _whole(self.width, 1),
            "input_dropout": 0 <= self.input_dropout < 1,
            "order": self.order in (1, 2),
            "cross_entropy": self.cross_entropy >= 0,
            "warm_up": _whole(self.warm_up, 0),
            "label_momentum": 0 <= self.label_momentum < 1,
            "average": 0 <= self.average < 1,
            "epochs": _whole(self.epochs, 1),
            "patience": _whole(self.patience, 0),
            "learning_rate": self.learning_rate > 0,
            "weight_decay": self.weight_decay >= 0,
            "batch_nodes": _whole(self.batch_nodes, 0),
            "snapshots": all(0 < share <= 1 for share in self.snapshots),
        }
        for name, holds in checks.items():
            if not holds:
                raise UserError(
                    f"ERASE {name}: {getattr(self, name)!r} is out of range; counts are whole, "
                    "shares are below 1, the norm's order is 1 or 2, nothing is negative"
                )
        if self.two_pass and (not self.batch_nodes or self.cross_entropy or self.warm_up):
            raise UserError(
                "ERASE two_pass: wanted batch_nodes above 0 and neither cross_entropy nor warm_up"
            )

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        classes = classes_of("ERASE", task)
        encoder = self.encoder.build(data.num_features, self.width, seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = ERASENetwork(
                encoder, self.width, classes, self.input_dropout, self.order, self.unit_features
            )
        return model.to(data.x.device, data.x.dtype if data.x.is_floating_point() else None)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return torch.optim.Adam(
            parameters, lr=self.learning_rate, weight_decay=self.weight_decay, amsgrad=True
        )

    def inputs(self, data: Data) -> Data:
        return sparse_features(data) if self.encoder.sparse_input else data

    def steps(self, data: Data) -> int:
        if not self.batch_nodes or self.two_pass:
            return 1
        return math.ceil(data.num_nodes / self.batch_nodes)

    def loss(self, model: nn.Module, data: Data, task: Task, generator: Generator) -> Tensor:
        return ERASEObjective(self, data, task)(model, generator)

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        """The loss of one step, without the warm-up: training that goes on has had its own."""
        return self.training(data, task, seed, warm_up=0)

    def training(self, data: Data, task: Task, seed: int, warm_up: int) -> ERASEObjective:
        """The loss of one step after some epochs of warm-up; it says labels and representations."""
        if self.two_pass:
            return TwoPassObjective(self, data, task, seed)
        if self.batch_nodes:
            return BatchObjective(self, data, task, warm_up, seed)
        return ERASEObjective(self, data, task, warm_up)

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        classes = classes_of("ERASE", task)
        check_training(data, task)
        check_classes("ERASE", data, task)
        model = self.build(data, task, seed)
        optimizer = self.optimizer(model.parameters())
        objective = self.training(data, task, seed, self.warm_up)
        steps = self.steps(data)
        callbacks: list[Any] = []
        result = model
        if self.average:
            result = objective.teacher = averaged_copy(model)
            callbacks.append(Average(model, result, self.average))
        validation = task.val_items(data) if self.best else torch.empty(0, dtype=torch.int64)
        heads = HeadEpochs(
            result, model, optimizer, objective, self.head, validation, steps, self.epochs,
            self.patience,
        )
        keep = Snapshots(model, optimizer, self._snapshot_steps(steps))
        callbacks += [heads, keep]
        if self.rank is not None:
            callbacks.append(RankWatch(self.rank, model, optimizer, objective, classes, steps))
        descend(model, objective, optimizer, self.epochs * steps, seed, callbacks)
        state, snapshots = optimizer_state(model, optimizer), dict(keep.taken)
        if heads.weights:  # the last epoch is kept beside the best one
            steps_of = {f"optimizer.{name}": value for name, value in state.items()}
            snapshots[heads.last] = snapshot(result, optimizer) | steps_of
            heads.restore()
            state = heads.optimizer
        return Trained(
            model=result.requires_grad_(True), data=data, task=task, learner=self, seed=seed,
            optimizer=state, snapshots=snapshots,
        )

    def _snapshot_steps(self, steps: int) -> dict[int, int]:
        epochs = {round(share * self.epochs) for share in self.snapshots}
        return {epoch * steps: epoch for epoch in sorted(epochs)}


def _whole(number: Any, least: int) -> bool:
    return isinstance(number, int) and number >= least
