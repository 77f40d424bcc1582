"""Gates that learn from validation batches, in turns with the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from recsys.table import Part


class GateOnValidation(pl.Callback):
    """After every k-th training step, one step of the gate on a batch of validation rows.

    This is the first-order form of differentiable architecture search (Liu et al., DARTS, 2019):
    the network keeps still while the gate steps. Between its turns the gate's parameters take no
    gradient, so training batches do not move them. `ClickModule` brings this callback along.

    Args:
        every: training steps from one turn to the next.
    """

    def __init__(self, every: int) -> None:
        self.every = every

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Take the gate out of the training of the network."""
        if stage == "fit":
            pl_module.model.gate.requires_grad_(False)

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Set up optimiser and batches.

        Raises:
            UserError: if there are no validation rows, or nothing says how the gate steps.
        """
        batches = getattr(trainer.datamodule, "batches", None)
        if batches is None:
            raise UserError(
                "gate: it learns from validation rows, and the Trainer was given loaders; give it "
                "a ClickDataModule"
            )
        gate = pl_module.model.gate
        self._parameters = list(gate.parameters())
        optimizer = gate.own_optimizer(self._parameters)
        if optimizer is None:
            raise UserError(
                f"{type(gate).__name__}: it learns from validation rows, which takes an optimiser "
                "of its own; return one from own_optimizer"
            )
        self._optimizer = optimizer
        self._batches = _endless(
            batches(Part.VAL, pl_module.settings.batch_size, pl_module.seed)
        )

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take a step if it is the gate's turn."""
        if trainer.global_step % self.every == 0:
            self._turn(trainer, pl_module.model)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Leave the gate as one that can be trained."""
        pl_module.model.gate.requires_grad_(True)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Leave it so after an error, too."""
        pl_module.model.gate.requires_grad_(True)

    def _turn(self, trainer: Any, model: Any) -> None:
        ids, label = next(self._batches)
        model.gate.requires_grad_(True)
        with trainer.precision_plugin.forward_context():
            loss = F.binary_cross_entropy_with_logits(model(ids).float(), label)
            if (penalty := model.gate.penalty()) is not None:
                loss = loss + penalty
        gradients = torch.autograd.grad(loss, self._parameters, allow_unused=True)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            if gradient is not None and trainer.world_size > 1:
                gradient = trainer.strategy.reduce(gradient, reduce_op="mean")
            parameter.grad = gradient
        self._optimizer.step()
        self._optimizer.zero_grad()
        model.gate.requires_grad_(False)


def _endless(batches: Any) -> Iterator[tuple[Tensor, Tensor]]:
    if len(batches) == 0:
        raise UserError(
            "gate: it learns from validation rows, and the table has none; split it with a "
            "validation part"
        )
    return (batch for _ in iter(int, 1) for batch in batches)
