"""Scores as the unlearning literature defines them: for comparison, not for the verdict.

Their targets are not what their names suggest (d2dgn.md section 7): read them beside the value
of a retrained model.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphforget.audit.membership import separation
from graphforget.core.metric import CLOSER_TO_ORACLE_IS_BETTER, HIGHER_IS_BETTER, metric


@metric(CLOSER_TO_ORACLE_IS_BETTER)
def forget_auc(retained: Tensor, forgotten: Tensor) -> float:
    """The literature's forget AUC: retained training items (1) scored above forgotten ones (0).

    Published code averages over random retained subsets of the forgotten set's size; that mean
    is the AUC over all retained items, which is computed here (d2dgn.md section 3). A retrained
    model is well above 0.5, and neither 0.5 nor 1 means "forgotten": its value is the target.
    """
    return separation(retained, forgotten)


@metric(HIGHER_IS_BETTER)
def mi_ratio(before: Tensor, after: Tensor, members: Tensor, strangers: Tensor) -> float:
    """The literature's MI ratio: mean P(member) before over after, on the forgotten items.

    Unbounded, and it rewards over-forgetting: a retrained model is not the maximum. The attacker
    is a logistic regression on margins. Published code trains it on a shadow model; here it is
    told which items of the original were trained on, which makes it stronger.

    Args:
        before: margins of the forgotten items under the original, shape ``(K,)``.
        after: the same under the unlearned model.
        members: margins of retained training items under the original.
        strangers: margins of test items under the original.
    """
    from sklearn.linear_model import LogisticRegression

    seen = torch.cat([members, strangers]).unsqueeze(-1).cpu().numpy()
    truth = [1] * len(members) + [0] * len(strangers)
    attacker = LogisticRegression(class_weight="balanced").fit(seen, truth)
    chance = [
        float(attacker.predict_proba(margins.unsqueeze(-1).cpu().numpy())[:, 1].mean())
        for margins in (before, after)
    ]
    return chance[0] / max(chance[1], 1e-12)


@metric(CLOSER_TO_ORACLE_IS_BETTER)
def priv_leak(after: float, oracle: float) -> float:
    """Relative difference of an attack's AUC to the retrained model's, in percent.

    >>> priv_leak(0.55, 0.5)
    10.0
    """
    return round(100 * (after - oracle) / oracle, 10)
