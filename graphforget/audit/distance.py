"""How far a model is from retraining, in units that say whether that is far.

A distance alone means nothing: two retrained models differ too. It is therefore read between two
controls, *none* (the original, nothing done) and *floor* (retrained against retrained).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from graphforget.core.metric import CLOSER_TO_ORACLE_IS_BETTER, LOWER_IS_BETTER, metric


@metric(LOWER_IS_BETTER)
def item_distance(p: Tensor, q: Tensor) -> Tensor:
    """Distance of two answers to each item, from 0 to 1, shape ``(K,)``.

    Total variation of the class probabilities of nodes; ``|p - q|`` for links.

    Args:
        p: probabilities, shape ``(K, C)`` of nodes or ``(K,)`` of links.
        q: probabilities of the same shape.

    >>> item_distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
    tensor([0.5000])
    """
    return (p - q).abs() if p.dim() == 1 else (p - q).abs().sum(-1) / 2


def distances(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """Mean distance over the items between each model of one arm and each of another.

    Args:
        ours: probabilities by ``A`` models, each ``(K, C)`` of nodes or ``(K,)`` of links.
        theirs: the same by ``B`` models.

    Returns:
        Distances, shape ``(A, B)``.
    """
    rows = [torch.stack([item_distance(p, q).mean() for q in theirs]) for p in ours]
    return torch.stack(rows)


@metric(LOWER_IS_BETTER)
def rho(distance: float, none: float, floor: float) -> float:
    """Normalised distance: 0 is a retrained model, 1 is having done nothing.

    Negative values are noise, values above 1 are worse than nothing. NaN where the original is
    not further from retraining than retrained models are from each other.

    >>> round(rho(0.091, none=0.232, floor=0.018), 2)
    0.34
    >>> rho(0.02, none=0.018, floor=0.018)
    nan
    """
    return (distance - floor) / (none - floor) if none > floor else math.nan


@metric(CLOSER_TO_ORACLE_IS_BETTER)
def retrain_gap(after: Mapping[str, float], oracle: Mapping[str, float]) -> dict[str, float]:
    """Signed difference to the retrained model in every score both have.

    >>> retrain_gap({"test_accuracy": 0.5}, {"test_accuracy": 0.75})
    {'test_accuracy': -0.25}
    """
    return {name: after[name] - oracle[name] for name in after if name in oracle}


@metric(LOWER_IS_BETTER)
def gaussian_kl(ours: Tensor, theirs: Tensor) -> Tensor:
    """KL divergence of two Gaussians fitted to each item's margins, in nats, shape ``(K,)``.

    ``log(s*/s) + (s^2 + (m - m*)^2) / (2 s*^2) - 1/2`` (evaluation.md 4.1.3). With ``M`` models
    an arm it is not 0 for equal arms, about 0.15 for ``M = 16``: print the floor beside it.

    Args:
        ours: margins under the unlearned models, shape ``(M, K)``.
        theirs: margins under retrained models, shape ``(M', K)``.
    """
    mean, target = ours.mean(0), theirs.mean(0)
    spread, aim = (arm.std(0).clamp(min=1e-6) for arm in (ours, theirs))
    return (aim / spread).log() + (spread**2 + (mean - target) ** 2) / (2 * aim**2) - 0.5


@metric(LOWER_IS_BETTER)
def item_separation(ours: Tensor, theirs: Tensor) -> Tensor:
    """How far an item's AUC between two sets of models is from chance, 0 to 0.5, shape ``(K,)``.

    Args:
        ours: margins under the unlearned models, shape ``(M, K)``.
        theirs: margins under retrained models, shape ``(M', K)``.

    >>> item_separation(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [4.0]]))
    tensor([0.5000])
    """
    wins = (ours[:, None] > theirs[None]).float() + (ours[:, None] == theirs[None]).float() / 2
    return (wins.mean((0, 1)) - 0.5).abs()
