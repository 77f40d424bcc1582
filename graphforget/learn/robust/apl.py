"""Active passive loss: one bounded part that raises the label, one that lowers the others.

A normalised loss is robust and learns too little; a passive loss beside it makes up for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.learn.robust.node_loss import NodeLoss


def normalised_focal_loss(logits: Tensor, labels: Tensor, focus: float = 0.0) -> Tensor:
    """The focal loss of the given label as a share of its sum over all labels there could be.

    Ma et al., ICML 2020, equation 5: ``l(y) / sum over k of l(k)`` with
    ``l(k) = -(1 - p_k) ** focus * log p_k``; without focus, normalised cross-entropy.

    Args:
        logits: shape ``(K, C)``.
        labels: shape ``(K,)``.
        focus: exponent that lowers the weight of what is known well.

    Returns:
        The loss of each node, shape ``(K,)``, from 0 to 1.

    >>> normalised_focal_loss(torch.zeros(1, 4), torch.tensor([2]))
    tensor([0.2500])
    """
    log_p = logits.log_softmax(-1)
    each = -log_p
    if focus:
        each = each * (-torch.expm1(log_p)).clamp_min(1e-12) ** focus
    return each.gather(-1, labels.unsqueeze(-1)).squeeze(-1) / each.sum(-1)


def reverse_cross_entropy(logits: Tensor, labels: Tensor, log_zero: float = -4.0) -> Tensor:
    """Cross-entropy with prediction and label in each other's place.

    ``-sum over k of p_k log q_k`` with the label's distribution ``q`` one-hot and ``log 0`` said
    to be ``log_zero`` (Wang et al., ICCV 2019): ``-log_zero * (1 - p_y)``. With -2 it is the
    absolute error between ``p`` and ``q``.

    Args:
        logits: shape ``(K, C)``.
        labels: shape ``(K,)``.
        log_zero: what stands for the logarithm of 0.

    Returns:
        The loss of each node, shape ``(K,)``, from 0 to ``-log_zero``.

    >>> reverse_cross_entropy(torch.zeros(1, 4), torch.tensor([2]))
    tensor([3.])
    """
    p = logits.softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return -log_zero * (1 - p)


@dataclass(frozen=True)
class APL(NodeLoss):
    """Train on a normalised loss and a passive loss of the given labels together.

    Ma et al., Normalized Loss Functions for Deep Learning with Noisy Labels, ICML 2020, section 4:
    ``alpha`` times the normalised (focal) cross-entropy plus ``beta`` times the reverse
    cross-entropy. The defaults are NCE+RCE with the paper's weights for ten classes.

    Args:
        alpha: weight of the active part.
        beta: weight of the passive part.
        focus: exponent of the focal loss in the active part: 0 for NCE, the paper's NFL has 0.5.
        log_zero: logarithm of 0 in the passive part: -4 for RCE, -2 for the absolute error.
    """

    alpha: float = 1.0
    beta: float = 1.0
    focus: float = 0.0
    log_zero: float = -4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = self.alpha >= 0 and self.beta >= 0 and self.alpha + self.beta > 0
        if not (weights and self.focus >= 0 and self.log_zero < 0):
            raise UserError(
                "APL: wanted weights from 0 that are not both 0, focus from 0 and log_zero below "
                f"0, got alpha {self.alpha!r}, beta {self.beta!r}, focus {self.focus!r}, "
                f"log_zero {self.log_zero!r}"
            )

    def node_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        active = normalised_focal_loss(logits, labels, self.focus)
        return self.alpha * active + self.beta * reverse_cross_entropy(
            logits, labels, self.log_zero
        )
