"""How much of what wrong data cost a model comes back when the data are forgotten."""

from __future__ import annotations

import math

from graphforget.core.metric import CLOSER_TO_ORACLE_IS_BETTER, metric


@metric(CLOSER_TO_ORACLE_IS_BETTER)
def knowledge_recovery(corrupted: float, repaired: float, clean: float) -> float:
    """Share of the loss that was made good: 0 for none, 1 for all, which the oracle has.

    Knowledge recovery ``(M(repaired) - M(corrupted)) / (M(clean) - M(corrupted))`` for any score
    ``M`` (evaluation.md 4.1 item 9). Below 0 forgetting made things worse, above 1 the repaired
    model is better than the clean one.

    Args:
        corrupted: score of the model trained on wrong data.
        repaired: score after forgetting them.
        clean: score of a model trained on right data.

    Returns:
        The share; NaN where wrong data made no difference.

    >>> round(knowledge_recovery(corrupted=0.6, repaired=0.75, clean=0.8), 2)
    0.75
    >>> knowledge_recovery(0.8, 0.7, 0.8)
    nan
    """
    lost = clean - corrupted
    return (repaired - corrupted) / lost if lost else math.nan
