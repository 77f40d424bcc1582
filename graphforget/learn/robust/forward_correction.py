"""Forward correction: predict the label that would have been given, not the true class."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphforget.learn.robust.transition import TransitionLoss


def forward_corrected(log_p: Tensor, labels: Tensor, transition: Tensor) -> Tensor:
    """Cross-entropy of the given label under ``p`` sent through the transition matrix.

    Patrini et al., CVPR 2017, theorem 2: ``-log sum over i of p_i T[i, label]``. Its minimiser
    on noisy labels is that of cross-entropy on clean ones.

    Args:
        log_p: log-probabilities of the true class, shape ``(K, C)``.
        labels: given labels, shape ``(K,)``.
        transition: row-stochastic, shape ``(C, C)``.

    Returns:
        The loss of each node, shape ``(K,)``.

    >>> import torch
    >>> flips = torch.tensor([[0.7, 0.3], [0.0, 1.0]])
    >>> forward_corrected(torch.tensor([[1.0, 0.0]]).log(), torch.tensor([1]), flips).exp()
    tensor([3.3333])
    """
    given = transition.clamp_min(1e-12).log().t()[labels]  # log of T[i, label], shape (K, C)
    return -(log_p + given).logsumexp(-1)


@dataclass(frozen=True)
class ForwardCorrection(TransitionLoss):
    """Train the model so that it explains the given labels through the transition matrix.

    Patrini et al., Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach,
    CVPR 2017, section 4.2; the matrix is known, or estimated as in its section 4.3. Where the
    warm-up fits the given labels to the last, as networks do on few labelled nodes, the estimate
    is near the identity and so is the correction near none.
    """

    def corrected_loss(self, log_p: Tensor, labels: Tensor, transition: Tensor) -> Tensor:
        return forward_corrected(log_p, labels, transition)
