"""The one place that builds a Trainer: descent on an objective, with everything else off.

Lightning's defaults (logger, checkpoints, progress bar, sanity checks) cost more than a full-batch
epoch of a small graph. Here they are off, and a whole run is one Trainer epoch of many steps.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from graphforget._lightning import pl
from graphforget.protocols import Objective


class ObjectiveModule(pl.LightningModule):
    """A Lightning module that descends on any function of a model.

    Args:
        model: the network; trained in place.
        objective: called with the model and a generator once a step, returns the loss.
        optimizer: the optimiser over the model's parameters.
        seed: seed of the generator that the objective draws from.
    """

    def __init__(
        self, model: nn.Module, objective: Objective, optimizer: Optimizer, seed: int
    ) -> None:
        super().__init__()
        self.model = model
        self._objective = objective
        self._optimizer = optimizer
        device = next(model.parameters()).device
        self._generator = Generator(device=device).manual_seed(seed)

    def configure_optimizers(self) -> Optimizer:
        """The optimiser that was given."""
        return self._optimizer

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The objective; the batch is only a tick of the clock."""
        return self._objective(self.model, self._generator)


def descend(
    model: nn.Module,
    objective: Objective,
    optimizer: Optimizer,
    steps: int,
    seed: int,
    callbacks: Iterable[Any] = (),
) -> None:
    """Minimise an objective over a model, in place, and leave it in eval mode on its device.

    Args:
        model: the network.
        objective: called with the model and a generator once a step, returns the loss.
        optimizer: the optimiser over the model's parameters, with whatever state it has.
        steps: number of optimiser steps.
        seed: seed of the objective's generator and of the model's dropout.
        callbacks: Lightning callbacks.
    """
    if steps > 0:
        device = next(model.parameters()).device
        module = ObjectiveModule(model, objective, optimizer, seed)
        with quiet_lightning(), torch.random.fork_rng():
            torch.manual_seed(seed)
            model.train()
            quick_trainer(model, callbacks).fit(module, train_dataloaders=_Ticks(steps))
        if device.type != "cpu":  # Lightning leaves both on the CPU
            model.to(device)
            optimizer.load_state_dict(optimizer.state_dict())  # moves the state to its parameters
    model.eval()


def quick_trainer(model: nn.Module, callbacks: Iterable[Any] = ()) -> Any:
    """A Trainer of one epoch that does nothing but train, on the device the model is on."""
    device = next(model.parameters()).device
    return pl.Trainer(
        max_epochs=1,
        accelerator="gpu" if device.type == "cuda" else device.type,
        devices=[device.index or 0] if device.type == "cuda" else 1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
    )


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silence Lightning's notes about devices and loaders for the length of a block."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "pytorch_lightning")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning)\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class _Ticks:
    """A sized iterable that makes the Trainer step a given number of times."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.steps))
