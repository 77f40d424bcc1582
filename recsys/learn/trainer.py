"""The one place that builds a Trainer for click models: everything off but training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from graphforget._lightning import pl


def click_trainer(
    epochs: int, device: torch.device, callbacks: Sequence[Any], validate: bool
) -> Any:
    """A Trainer that trains, validates once an epoch, and does nothing else.

    Args:
        epochs: at most so many.
        device: where.
        callbacks: Lightning callbacks.
        validate: whether there are validation rows.
    """
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="gpu" if device.type == "cuda" else device.type,
        devices=[device.index or 0] if device.type == "cuda" else 1,
        callbacks=list(callbacks),
        limit_val_batches=1.0 if validate else 0,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
