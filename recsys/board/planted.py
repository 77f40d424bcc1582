"""How well a ranking finds what was planted: relevant fields first, noise last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recovery:
    """Where planted fields stand in a ranking.

    Args:
        found: share of the relevant fields among the first r, where r is their number.
        first: whether all relevant fields stand before all others.
        noise_auc: chance that a relevant field stands before an irrelevant one; 1 is best.
        noise_rank: mean rank of the irrelevant fields, 1 for the most important field.
        redundant_rank: mean rank of the redundant fields.
    """

    found: float
    first: bool
    noise_auc: float
    noise_rank: float
    redundant_rank: float


def recovery(
    ranking: Sequence[str],
    relevant: Sequence[str],
    redundant: Sequence[str] = (),
    irrelevant: Sequence[str] = (),
) -> Recovery:
    """Compare a ranking with what was planted in its table.

    A copy of a relevant field says as much as the field itself, so a redundant field among the
    first counts against ``first`` and ``found``, and not against ``noise_auc``.

    >>> recovery(["a", "b", "a2", "n"], relevant=["a", "b"], redundant=["a2"], irrelevant=["n"])
    Recovery(found=1.0, first=True, noise_auc=1.0, noise_rank=4.0, redundant_rank=3.0)
    >>> recovery(["n", "a", "b"], relevant=["a", "b"], irrelevant=["n"]).noise_auc
    0.0
    """
    place = {name: rank for rank, name in enumerate(ranking, start=1)}
    hits = [name in relevant for name in ranking[: len(relevant)]]
    pairs = [place[good] < place[bad] for good in relevant for bad in irrelevant]
    return Recovery(
        found=float(np.mean(hits)) if hits else float("nan"),
        first=all(hits),
        noise_auc=float(np.mean(pairs)) if pairs else float("nan"),
        noise_rank=_mean([place[name] for name in irrelevant]),
        redundant_rank=_mean([place[name] for name in redundant]),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def planted_recovery(ranking: Sequence[str]) -> dict[str, float]:
    """Recovery by name for fields that are called as in `recsys.table.planted_table`, else nothing.

    >>> planted_recovery(["relevant_0", "irrelevant_0"])["planted_first"], planted_recovery(["a"])
    (1.0, {})
    """
    kinds = [[name for name in ranking if name.startswith(kind)]
             for kind in ("relevant_", "redundant_", "irrelevant_")]
    if not kinds[0]:
        return {}
    found = recovery(ranking, *kinds)
    return {f"planted_{name}": float(value) for name, value in vars(found).items()}
