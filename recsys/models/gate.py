"""What stands between the embedding and the backbone, and weighs the fields."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim import Optimizer


class Gate(nn.Module):
    """Lets everything through; methods that learn a mask of the fields subclass it.

    How it is trained is said by what `ClickModule` asks it: `validation_every`, `penalty`,
    `own_optimizer`, `after_step` and `after_epoch`. What it needs to go on from a checkpoint, such
    as a temperature, belongs into buffers: the best epoch's weights are put back with them.
    """

    validation_every: int = 0
    """0: the gate learns from the training batches, together with the rest. k: after every k-th
    training step it takes one step of its `own_optimizer` on a validation batch, and learns from
    nothing else."""

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        """The gated vectors, shape ``(B, F, d)``.

        Args:
            e: vectors of the fields, shape ``(B, F, d)``.
            ids: shape ``(B, C)``, the columns of the fields, each counted from 0.
        """
        return e

    def penalty(self) -> Tensor | None:
        """What is added to the loss that this gate learns from: a scalar, or None for nothing."""
        return None

    def own_optimizer(self, parameters: Sequence[nn.Parameter]) -> Optimizer | None:
        """The optimiser of the gate's parameters, or None to share that of the network.

        Args:
            parameters: those of the gate.
        """
        return None

    def after_step(self) -> None:
        """Called after every training step, for proximal steps and schedules."""

    def after_epoch(self, epoch: int) -> None:
        """Called after every training epoch, counted from 1, before it is validated."""
