"""Backward correction: weigh the losses of all labels so that wrong labels cancel on average."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphforget.learn.robust.transition import TransitionLoss

WORST_CONDITION = 1e3
"""Condition number above which a transition matrix is mixed with the identity."""


def invertible(transition: Tensor, worst: float = WORST_CONDITION) -> Tensor:
    """The matrix mixed with as little of the identity, in tenths, as makes it safe to invert.

    Patrini et al. propose the mixture for matrices that are singular or nearly so.

    Args:
        transition: row-stochastic, shape ``(C, C)``.
        worst: condition number up to which a matrix is taken as it is.

    >>> invertible(torch.full((2, 2), 0.5))
    tensor([[0.5500, 0.4500],
            [0.4500, 0.5500]])
    """
    identity = torch.eye(len(transition), dtype=transition.dtype, device=transition.device)
    for tenths in range(10):
        mixed = torch.lerp(transition, identity, tenths / 10)
        if float(torch.linalg.cond(mixed.double())) <= worst:
            return mixed
    return identity


def backward_corrected(log_p: Tensor, labels: Tensor, transition: Tensor) -> Tensor:
    """The cross-entropies of all labels, weighed by a row of the inverse transition matrix.

    Patrini et al., CVPR 2017, theorem 1: ``sum over j of inv(T)[label, j] * -log p_j``. Its mean
    over the labels that a node may be given is the cross-entropy of its true class. Weights are
    negative off the diagonal: the loss has no lower bound.

    Args:
        log_p: log-probabilities of the true class, shape ``(K, C)``.
        labels: given labels, shape ``(K,)``.
        transition: row-stochastic, shape ``(C, C)``.

    Returns:
        The loss of each node, shape ``(K,)``.

    >>> flips = torch.tensor([[0.75, 0.25], [0.0, 1.0]])
    >>> log_p = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()
    >>> each = backward_corrected(log_p, torch.tensor([0, 1]), flips)
    >>> torch.isclose(0.75 * each[0] + 0.25 * each[1], -log_p[0, 0])
    tensor(True)
    """
    weights = torch.linalg.inv(invertible(transition).double()).to(log_p.dtype)
    return -(weights[labels] * log_p).sum(-1)


@dataclass(frozen=True)
class BackwardCorrection(TransitionLoss):
    """Train on a loss of the given labels that is cross-entropy with the true ones on average.

    Patrini et al., Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach,
    CVPR 2017, section 4.1; the matrix is known, or estimated as in its section 4.3. On average
    does not mean on few nodes: what is right in the mean has a large variance.
    """

    def corrected_loss(self, log_p: Tensor, labels: Tensor, transition: Tensor) -> Tensor:
        return backward_corrected(log_p, labels, transition)
