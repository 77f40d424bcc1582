"""A click model as a LightningModule, for our own Trainer and for a user's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from recsys.learn.click_gate import GateOnValidation
from recsys.learn.click_scores import ClickScores, score
from recsys.learn.click_together import Together
from recsys.models import ClickModel

if TYPE_CHECKING:
    from recsys.learn.click_training import ClickTraining

Batch = tuple[Tensor, Tensor]
"""Ids, shape ``(B, C)``, and labels, shape ``(B,)``."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to.

    Args:
        loss: mean over the training batches, the gate's penalty included where it is trained on.
        auc: on validation; None where there are no validation rows.
        logloss: on validation.
    """

    loss: float
    auc: float | None = None
    logloss: float | None = None


class ClickModule(pl.LightningModule):
    """Trains a click model on binary cross-entropy; logs ``val_auc`` and ``val_logloss``.

    Use it with `ClickDataModule`. Mixed precision, several processes, clipping and schedules are
    the Trainer's.

    Args:
        model: trained in place.
        training: learning rate, weight decay and optimiser are read from it.
        seed: of the validation batches that a gate learns from, where it does.
    """

    def __init__(self, model: ClickModel, training: ClickTraining, seed: int = 0) -> None:
        super().__init__()
        self.model, self.settings, self.seed = model, training, seed
        self.history: list[Epoch] = []
        """One entry an epoch."""
        self._losses: list[Tensor] = []
        self._answers: list[Batch] = []

    def forward(self, ids: Tensor) -> Tensor:
        """Logits, shape ``(B,)``."""
        return self.model(ids)

    def setup(self, stage: str) -> None:
        """Choose between sparse and dense gradients of the embedding.

        Raises:
            UserError: if gradients shall be clipped of which the norm is not to be had.
        """
        lazy, clips = self.settings.optimizer.lazy, self.trainer.gradient_clip_val is not None
        if lazy and clips:
            raise UserError(
                f"{type(self.settings.optimizer).__name__}: wanted a Trainer without "
                "gradient_clip_val, as torch does not clip sparse gradients; use DenseAdam"
            )
        on_cpu = self.trainer.strategy.root_device.type == "cpu"
        self.model.embedding.sparse = lazy or (
            on_cpu and self.trainer.world_size == 1 and not clips  # then it is the quicker way
        )

    def configure_optimizers(self) -> Optimizer:
        """One optimiser of all weights that learn from training batches."""
        gate = [weight for weight in self.model.gate.parameters() if weight.requires_grad]
        own = self.model.gate.own_optimizer(gate) if gate else None
        table: torch.nn.Parameter = self.model.embedding.weight  # type: ignore[assignment]
        elsewhere = {id(weight) for weight in ([table] if own is None else [table, *gate])}
        main = self.settings.optimizer.build(
            table,
            [w for w in self.model.parameters() if w.requires_grad and id(w) not in elsewhere],
            self.settings.learning_rate,
            self.settings.weight_decay,
        )
        return main if own is None else Together([main, own])

    def configure_callbacks(self) -> list[Any]:
        """The gate's turns on validation batches, where it wants them."""
        every = self.model.gate.validation_every
        return [GateOnValidation(every)] if every else []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of a batch, with the gate's penalty unless it has turns of its own."""
        ids, label = batch
        loss = F.binary_cross_entropy_with_logits(self.model(ids).float(), label)
        gate = self.model.gate
        if not gate.validation_every and (penalty := gate.penalty()) is not None:
            loss = loss + penalty
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Tell the gate that a step, or an epoch, is over.

        Raises:
            UserError: if the losses of the epoch are not finite.
        """
        self.model.gate.after_step()
        if self.trainer.is_last_batch:
            self.model.gate.after_epoch(self.current_epoch + 1)
            loss = torch.stack(self._losses).double().mean().item()
            self._losses = []
            if loss - loss != 0:  # infinite or not a number
                raise UserError(
                    f"training diverged in epoch {self.current_epoch + 1}: its mean loss is "
                    f"{loss}; lower the learning rate ({self.settings.learning_rate})"
                )
            self.history.append(Epoch(loss))

    def on_fit_end(self) -> None:
        """Leave a model whose gradients are dense, as anybody expects them."""
        self.model.embedding.sparse = False

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Answer a batch."""
        ids, label = batch
        self._answers.append((self.model(ids).float(), label))

    def on_validation_epoch_end(self) -> None:
        """Score the answers of all processes, log the scores and note them in the history.

        Raises:
            UserError: if validation rows have one label only, or the model answers with NaN.
        """
        scores = self._scores()
        if self.trainer.sanity_checking:
            return
        if len(self.history) == self.current_epoch + 1:  # not where validation is a user's wish
            self.history[-1] = Epoch(self.history[-1].loss, scores.auc, scores.logloss)
        self.log("val_auc", scores.auc, prog_bar=True)
        self.log("val_logloss", scores.logloss)

    test_step = validation_step

    def on_test_epoch_end(self) -> None:
        """Score the answers of all processes, and log ``test_auc`` and ``test_logloss``."""
        scores = self._scores()
        self.log("test_auc", scores.auc)
        self.log("test_logloss", scores.logloss)

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Probabilities of a batch, shape ``(B,)``."""
        return self.model(batch[0]).float().sigmoid()

    def _scores(self) -> ClickScores:
        parts = zip(*self._answers, strict=True)
        logit, label = (self._gathered(torch.cat(part)) for part in parts)
        self._answers = []
        return score(label, logit)

    def _gathered(self, values: Tensor) -> NDArray:
        """The values of all processes: they may hold one row more or less than each other."""
        if self.trainer.world_size > 1:
            length: Any = self.all_gather(torch.tensor(len(values), device=self.device))
            padded: Any = self.all_gather(F.pad(values, (0, int(length.max()) - len(values))))
            values = padded[torch.arange(padded.size(1), device=self.device) < length[:, None]]
        return values.cpu().numpy()
