"""Label smoothing: every label shares a little of its weight with all classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.learn.robust.node_loss import NodeLoss


@dataclass(frozen=True)
class LabelSmoothing(NodeLoss):
    """Cross-entropy with labels mixed with the uniform distribution.

    Szegedy et al., Rethinking the Inception Architecture, CVPR 2016, section 7; as a remedy
    against wrong labels, Lukasik et al., Does Label Smoothing Mitigate Label Noise?, ICML 2020:
    the target of a node with label ``y`` is ``(1 - smoothing) * onehot(y) + smoothing / C``.

    Args:
        smoothing: share of a label's weight that goes to all ``C`` classes alike.
    """

    smoothing: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.smoothing < 1:
            raise UserError(
                f"LabelSmoothing smoothing: wanted 0 up to below 1, got {self.smoothing!r}"
            )

    def node_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(
            logits, labels, reduction="none", label_smoothing=float(self.smoothing)
        )
