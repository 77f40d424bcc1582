"""Training a click model on a table, with early stopping on validation AUC."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from graphforget.learn.keep_best import KeepBest
from graphforget.learn.trainer import quiet_lightning
from recsys.learn.click_data import ClickDataModule
from recsys.learn.click_module import ClickModule, Epoch
from recsys.learn.click_optimizer import ClickOptimizer, DenseAdam
from recsys.learn.trainer import click_trainer
from recsys.models import Backbone, ClickModel, Gate
from recsys.table import ClickTable, Part


@dataclass(frozen=True)
class ClickTraining:
    """How a click model is trained; defaults are those of the ERASE benchmark.

    Args:
        width: of the embedding.
        epochs: at most so many.
        patience: training ends when validation AUC has not improved for so many epochs.
        batch_size: rows in a step, 2 or more: batch norm cannot train on one.
        learning_rate: of the embedding and the backbone.
        weight_decay: L2 penalty on the same.
        optimizer: which Adam.

    Raises:
        UserError: if a number is out of range.
    """

    width: int = 8
    epochs: int = 100
    patience: int = 3
    batch_size: int = 4096
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    optimizer: ClickOptimizer = DenseAdam()

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("epochs", 1), ("patience", 1), ("batch_size", 2)):
            number = getattr(self, name)
            if not isinstance(number, int) or number < least:
                raise UserError(
                    f"training: {name} must be a whole number from {least}, got {number}"
                )
        if not 0 < self.learning_rate < float("inf"):
            raise UserError(f"training: learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.weight_decay < float("inf"):
            raise UserError(f"training: weight_decay must be 0 or more, got {self.weight_decay}")
        if self.weight_decay and self.optimizer.lazy:
            raise UserError(
                f"training: {type(self.optimizer).__name__} knows no weight decay, as that would "
                f"move every row, got {self.weight_decay}; set it to 0 or use DenseAdam"
            )


@dataclass(frozen=True, eq=False)
class FittedClick:
    """A trained model and how it came about.

    Args:
        model: in eval mode, with the weights of the best epoch.
        history: one entry an epoch.
        best_epoch: the one whose weights were kept, counted from 1.
        seconds: wall time of the training, validation included.
    """

    model: ClickModel
    history: tuple[Epoch, ...]
    best_epoch: int
    seconds: float


def train_click(
    table: ClickTable,
    backbone: Backbone,
    training: ClickTraining | None = None,
    seed: int = 0,
    gate: Gate | None = None,
    callbacks: Iterable[Any] = (),
    device: torch.device | str = "cpu",
) -> FittedClick:
    """Train a backbone from scratch on the training rows of a table.

    Validation AUC decides when to stop and which epoch's weights are kept, always; a table without
    validation rows is trained for all epochs. Test rows are not read.

    Args:
        table: the table.
        backbone: the network.
        training: how it is trained.
        seed: of the weights, the order of the rows and dropout; the same seed gives the same bits.
        gate: trained together with the network, in place.
        callbacks: Lightning callbacks; ``pl_module.model`` is the `ClickModel`.
        device: where to train and leave the model.

    Raises:
        UserError: if there are no training rows, validation rows have one label only, an id is
            not in its field, or training diverged.
    """
    training = training or ClickTraining()
    model = ClickModel.of(table.fields, backbone, training.width, seed, gate)
    return fit_click(model, table, training, seed, callbacks, device)


def fit_click(
    model: ClickModel,
    table: ClickTable,
    training: ClickTraining,
    seed: int = 0,
    callbacks: Iterable[Any] = (),
    device: torch.device | str = "cpu",
) -> FittedClick:
    """Train a model that is there already, in place; else as `train_click`."""
    data = ClickDataModule(table, training.batch_size, seed)
    validate = len(table.rows(Part.VAL)) > 0
    module, best = ClickModule(model, training, seed), BestOnValidation(model)
    chosen: Sequence[Any] = [*callbacks]
    if validate:
        stop = pl.callbacks.EarlyStopping(
            "val_auc", mode="max", patience=training.patience, check_finite=False
        )
        chosen = [*chosen, best, stop]
    place = torch.device(device)
    begin = time.perf_counter()
    with quiet_lightning(), torch.random.fork_rng():
        torch.manual_seed(seed)
        model.train()
        click_trainer(training.epochs, place, chosen, validate).fit(module, datamodule=data)
    best.restore()
    model.to(place).eval()
    model.zero_grad()
    seconds = time.perf_counter() - begin
    history = tuple(module.history)
    return FittedClick(model, history, best.epoch or len(history), seconds)


class BestOnValidation(KeepBest):
    """Keeps the weights of the epoch with the highest validation AUC, the first of equals."""

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Look at the epoch that was just validated."""
        self.keep(trainer.current_epoch + 1, module.history[-1].auc)
