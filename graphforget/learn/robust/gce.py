"""Generalised cross-entropy: between cross-entropy, which learns, and absolute error, which lasts.

The gradient of a node's loss is that of cross-entropy times ``p ** q``: nodes whose label the
model does not believe weigh less.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.learn.robust.node_loss import NodeLoss


def generalised_cross_entropy(logits: Tensor, labels: Tensor, q: float = 0.7) -> Tensor:
    """The loss ``L_q = (1 - p ** q) / q`` of the probability ``p`` of the given label.

    Zhang and Sabuncu, NeurIPS 2018, equation 6. As ``q`` goes to 0 it becomes cross-entropy; at 1
    it is half the absolute error between the probabilities and the one-hot label.

    Args:
        logits: shape ``(K, C)``.
        labels: shape ``(K,)``.
        q: above 0, up to 1.

    Returns:
        The loss of each node, shape ``(K,)``, from 0 to ``1 / q``.

    >>> logits = torch.tensor([[0.0, 0.0], [9.0, 0.0]])
    >>> generalised_cross_entropy(logits, torch.tensor([0, 1]), q=1.0)
    tensor([0.5000, 0.9999])
    """
    likelihood = logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return -torch.expm1(q * likelihood) / q


@dataclass(frozen=True)
class GCE(NodeLoss):
    """Train on the generalised cross-entropy of the given labels.

    Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy
    Labels, NeurIPS 2018, section 3.2; see `TruncatedGCE` for section 3.3.

    Args:
        q: from near 0 (cross-entropy) to 1 (absolute error).
    """

    q: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.q <= 1:
            raise UserError(f"{type(self).__name__} q: wanted above 0 up to 1, got {self.q!r}")

    def node_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return generalised_cross_entropy(logits, labels, self.q)
