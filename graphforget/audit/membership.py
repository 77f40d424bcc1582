"""Membership attacks: can one tell from a model's answers that it has seen an item?

The per-example attack compares an arm of models with an arm of retrained ones, item by item, as
LiRA does (Carlini et al., S&P 2022; for unlearning U-LiRA, Hayes et al., 2024). The population
attack needs a single model and is blind to single items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from graphforget.core.metric import CLOSER_TO_ORACLE_IS_BETTER, LOWER_IS_BETTER, metric

PRIOR = 4.0  # models' worth of weight that the mean variance of an arm has in an item's variance


@dataclass(frozen=True)
class Attack:
    """What the per-example attack reaches on one region; 0.5 is chance.

    Args:
        auc: area under the ROC curve, above 0.5 where the fitted models recognise the arm.
        two_sided: ``max(auc, 1 - auc)``.
        low: lower end of the 95% interval of ``two_sided``, by bootstrap over items and models.
        high: its upper end.
        tpr_1: share of answers recognised while 1% of retrained models' answers are accused.
        tpr_1_low: lower end of its 95% interval, by the same bootstrap.
        tpr_1_high: upper end.
        tpr_5: the same at 5%.
        tpr_5_low: lower end.
        tpr_5_high: upper end.
    """

    auc: float
    two_sided: float
    low: float
    high: float
    tpr_1: float
    tpr_1_low: float
    tpr_1_high: float
    tpr_5: float
    tpr_5_low: float
    tpr_5_high: float


def log_ratios(ours: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
    """Log likelihood ratios of held-out margins: how much they look like the first arm.

    Half of the models of each arm fit two Gaussians an item, the other half is judged; then the
    halves change places. Variances are drawn towards the arm's mean, for a few models tell
    little about one item's.

    Args:
        ours: margins under unlearned models, shape ``(M, K)``.
        theirs: margins under retrained models, shape ``(M', K)``.

    Returns:
        The ratios of the models of either arm, shapes ``(M, K)`` and ``(M', K)``.
    """
    judged = [torch.zeros_like(ours), torch.zeros_like(theirs)]
    for half in (0, 1):
        fits = [_gaussian(arm[half::2]) for arm in (ours, theirs)]
        for arm, ratio in zip((ours, theirs), judged, strict=True):
            held_out = arm[1 - half :: 2]
            likely = [_log_density(held_out, *fit) for fit in fits]
            ratio[1 - half :: 2] = likely[0] - likely[1]
    return judged[0], judged[1]


@metric(LOWER_IS_BETTER)
def per_example_attack(ours: Tensor, theirs: Tensor, resamples: int = 200, seed: int = 0) -> Attack:
    """Attack one region: tell unlearned models from retrained ones by their margins.

    Args:
        ours: margins under unlearned models, shape ``(M, K)``, ``M`` at least 4.
        theirs: margins under retrained models, shape ``(M', K)``.
        resamples: bootstrap samples of items and models for the interval.
        seed: seed of the bootstrap.
    """
    present, absent = log_ratios(ours, theirs)
    sampled = bootstrap(present, absent, resamples, seed, _reached)
    sampled[:, 0] = torch.maximum(sampled[:, 0], 1 - sampled[:, 0])
    low, high = sampled.quantile(torch.tensor([0.025, 0.975]), dim=0).tolist()
    auc, tpr_1, tpr_5 = _reached(present.flatten(), absent.flatten())
    return Attack(
        auc, max(auc, 1 - auc), low[0], high[0], tpr_1, low[1], high[1], tpr_5, low[2], high[2]
    )


@metric(LOWER_IS_BETTER)
def membership_excess(
    forgotten: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    resamples: int = 200,
    seed: int = 0,
) -> tuple[float, float, float]:
    """How much better the attack does on forgotten items than on unseen ones (two-sided).

    Any drift of the weights raises the attack on every item; what it reaches on test items is
    drift, only what exceeds that speaks of membership (evaluation.md 4.6).

    Args:
        forgotten: ratios of both arms on the forgotten items, from `log_ratios`.
        test: the same on the test items.
        resamples: bootstrap samples over items and models.
        seed: seed of the bootstrap; both regions see the same models in each sample.

    Returns:
        The excess, and the ends of its 95% interval.
    """
    excess = _strength(separation(*(arm.flatten() for arm in forgotten)))
    excess -= _strength(separation(*(arm.flatten() for arm in test)))
    sampled = [(bootstrap(*arms, resamples, seed, _area) - 0.5).abs() for arms in (forgotten, test)]
    ends = (sampled[0] - sampled[1])[:, 0].quantile(torch.tensor([0.025, 0.975])).tolist()
    return excess, ends[0], ends[1]


@metric(CLOSER_TO_ORACLE_IS_BETTER)
def population_attack(forgotten: Tensor, test: Tensor) -> float:
    """AUC of one threshold on the margin, forgotten items against unseen ones.

    Retraining does not bring this to 0.5, since forgotten items may be easier or harder than test
    items for reasons of their own: the value of the retrained model is the target.

    Args:
        forgotten: margins of forgotten items under one model, shape ``(K,)``.
        test: margins of test items, shape ``(K',)``.
    """
    return separation(forgotten, test)


def separation(high: Tensor, low: Tensor) -> float:
    """AUC of telling two sets of scores apart: the chance that the first is the higher one.

    >>> separation(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 2.5]))
    0.75
    """
    ordered, high = low.sort().values, high.contiguous()
    below = torch.searchsorted(ordered, high)
    up_to = torch.searchsorted(ordered, high, right=True)  # ties count one half
    return float((below + up_to).double().mean()) / (2 * low.numel())


def bootstrap(
    present: Tensor,
    absent: Tensor,
    resamples: int,
    seed: int,
    statistic: Callable[[Tensor, Tensor], list[float]],
) -> Tensor:
    """Statistics of resampled items and models, shape ``(resamples, S)``.

    What the models say of one item, and one model of all items, hangs together: an item is drawn
    with all its answers, a model with all it says, so that the spread is not taken for smaller
    than it is.

    Args:
        present: ratios of one arm, shape ``(M, K)``.
        absent: those of the other, shape ``(M', K)``.
        resamples: number of samples.
        seed: seed of the draws.
        statistic: makes ``S`` numbers of the flattened ratios of both arms.
    """
    draw = Generator().manual_seed(seed)
    models = [torch.randint(len(arm), (resamples, len(arm)), generator=draw)
              for arm in (present, absent)]
    count = present.size(1)
    found = []
    for one, other in zip(*models, strict=True):
        items = torch.randint(count, (count,), generator=draw)
        high, low = present[one][:, items], absent[other][:, items]
        found.append(statistic(high.flatten(), low.flatten()))
    return torch.tensor(found)


def _strength(auc: float) -> float:
    return abs(auc - 0.5)


def _gaussian(margins: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and shrunken variance of each item, both ``(K,)``."""
    variance = margins.var(0) if len(margins) > 1 else torch.zeros_like(margins[0])
    weight = len(margins) - 1
    shrunken = (weight * variance + PRIOR * variance.mean()) / (weight + PRIOR)
    return margins.mean(0), shrunken.clamp(min=1e-8)


def _log_density(margins: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * ((margins - mean) ** 2 / variance + variance.log())


def _area(high: Tensor, low: Tensor) -> list[float]:
    return [separation(high, low)]


def _reached(high: Tensor, low: Tensor) -> list[float]:
    """AUC, and true-positive rates at false-positive rates of 1% and 5%."""
    ordered = low.sort().values
    thresholds = [ordered[int((1 - accused) * (len(ordered) - 1))] for accused in (0.01, 0.05)]
    rates = [float((high > threshold).float().mean()) for threshold in thresholds]
    return [separation(high, low), *rates]
