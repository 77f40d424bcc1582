"""How far rankings of the same fields agree, over seeds: three ways to say it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import kendalltau

from graphforget.core.errors import UserError

Ranking = Sequence[str]


def kendall(rankings: Sequence[Ranking]) -> float:
    """Kendall's tau, the mean over all pairs of rankings; NaN for fewer than two.

    >>> kendall([["a", "b", "c"], ["a", "b", "c"]]), kendall([["a", "b", "c"], ["c", "b", "a"]])
    (1.0, -1.0)
    """
    order = {name: place for place, name in enumerate(rankings[0])} if rankings else {}
    places = [[order[name] for name in ranking] for ranking in _same_fields(rankings)]
    ranks = [np.argsort(place) for place in places]
    return _mean_over_pairs(lambda a, b: float(kendalltau(a, b).statistic), ranks)


def jaccard(rankings: Sequence[Ranking], k: int) -> float:
    """Jaccard index of the top k, the mean over all pairs of rankings; NaN for fewer than two.

    >>> jaccard([["a", "b", "c"], ["b", "a", "c"]], 2)
    1.0
    >>> round(jaccard([["a", "b", "c"], ["a", "c", "b"]], 2), 3)
    0.333
    """
    tops = [frozenset(ranking[:k]) for ranking in _same_fields(rankings)]
    return _mean_over_pairs(lambda a, b: len(a & b) / len(a | b), tops)


def nogueira(chosen: ArrayLike) -> float:
    r"""Stability of selected sets, 1 for equal ones and 0 for sets drawn at random.

    Nogueira, Sechidis and Brown, JMLR 18 (2018), equation 4:

    .. math:: 1 - \frac{\frac{1}{d} \sum_f s_f^2}{\frac{\bar k}{d} (1 - \frac{\bar k}{d})},
        \quad s_f^2 = \frac{M}{M - 1} \hat p_f (1 - \hat p_f)

    Args:
        chosen: which of d fields each of M runs chose, shape ``(M, d)``, 0 or 1.

    Returns:
        NaN for one run, or where all or none of the fields were chosen: there is nothing to judge.

    >>> nogueira([[1, 1, 0, 0], [1, 1, 0, 0]])
    1.0
    >>> nogueira([[1, 1, 0, 0], [1, 0, 1, 0]])
    0.0
    >>> nogueira([[1, 0], [0, 1]])
    -1.0
    """
    sets = np.asarray(chosen, dtype=np.float64)
    runs, fields = sets.shape
    share = sets.sum() / (runs * fields)
    if runs < 2 or share in (0.0, 1.0):
        return float("nan")
    often = sets.mean(axis=0)
    spread = runs / (runs - 1) * often * (1 - often)
    return float(1 - spread.mean() / (share * (1 - share)))


def top(rankings: Sequence[Ranking], k: int) -> np.ndarray:
    """Which fields are among the top k of each ranking, shape ``(M, d)``, as `nogueira` takes it.

    >>> top([["a", "b", "c"], ["c", "b", "a"]], 1).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    fields = sorted(_same_fields(rankings)[0])
    return np.array([[int(name in ranking[:k]) for name in fields] for ranking in rankings])


def _same_fields(rankings: Sequence[Ranking]) -> Sequence[Ranking]:
    for ranking in rankings[1:]:
        if set(ranking) != set(rankings[0]) or len(ranking) != len(rankings[0]):
            raise UserError("stability: rankings must order the same fields; compare one table's")
    return rankings


def _mean_over_pairs(measure: Callable[..., float], things: Sequence) -> float:
    values = [measure(a, b) for a, b in combinations(things, 2)]
    return float(np.mean(values)) if values else float("nan")
