"""Mean ranks of methods over problems, and how far apart they have to be (Friedman, Nemenyi)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from graphforget.core.errors import UserError


@dataclass(frozen=True)
class Ranks:
    """Methods compared over problems (Demsar, JMLR 7, 2006).

    Args:
        methods: names, from the best mean rank to the worst.
        mean: mean rank of each, 1 is best.
        p_value: of Friedman's test that all methods are equal; NaN for two methods.
        critical: difference of mean ranks that Nemenyi's test asks for.
        problems: how many there were.
    """

    methods: tuple[str, ...]
    mean: tuple[float, ...]
    p_value: float
    critical: float
    problems: int

    def groups(self) -> list[tuple[int, int]]:
        """Runs of methods, first and last, that the test cannot tell apart; maximal ones only.

        >>> Ranks(("a", "b", "c"), (1.0, 1.5, 3.0), 0.1, 1.0, 4).groups()
        [(0, 1)]
        """
        found: list[tuple[int, int]] = []
        for first, start in enumerate(self.mean):
            within = [p for p, rank in enumerate(self.mean) if rank - start <= self.critical]
            last = within[-1]
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        return found


def mean_ranks(methods: list[str], scores: ArrayLike, level: float = 0.05) -> Ranks:
    """Rank methods on each problem, and test the means.

    Args:
        methods: names, m of them.
        scores: higher is better, shape ``(problems, m)``.
        level: of both tests.

    Raises:
        UserError: for fewer than two methods or problems, or a score that is missing.

    >>> found = mean_ranks(["a", "b", "c"], [[3, 2, 1], [3, 1, 2], [3, 2, 1], [9, 8, 7]])
    >>> found.methods, found.mean[0], round(found.p_value, 3), round(found.critical, 3)
    (('a', 'b', 'c'), 1.0, 0.039, 1.657)
    """
    table = np.asarray(scores, dtype=np.float64)
    problems, count = table.shape if table.ndim == 2 else (0, 0)
    if count != len(methods) or count < 2 or problems < 2 or not np.isfinite(table).all():
        raise UserError(
            "ranks: wanted finite scores of two or more methods on two or more problems, got "
            f"shape {table.shape} for {len(methods)} methods; leave out what is missing"
        )
    ranks = rankdata(-table, axis=1).mean(axis=0)
    order = np.argsort(ranks, kind="stable")
    alike = bool((table == table[:, :1]).all())
    p_value = float(friedmanchisquare(*table.T).pvalue) if count > 2 and not alike else math.nan
    return Ranks(
        methods=tuple(methods[place] for place in order),
        mean=tuple(float(ranks[place]) for place in order),
        p_value=p_value,
        critical=critical_difference(count, problems, level),
        problems=problems,
    )


def critical_difference(methods: int, problems: int, level: float = 0.05) -> float:
    r"""Nemenyi's critical difference of mean ranks, :math:`q_\alpha \sqrt{m (m + 1) / (6 N)}`.

    Demsar's Table 5(a) has :math:`q_{0.05} = 2.343` for three methods and 3.164 for ten.

    >>> round(critical_difference(3, 1) / math.sqrt(3 * 4 / 6), 3)
    2.344
    """
    quantile = studentized_range.ppf(1 - level, methods, np.inf) / math.sqrt(2)
    return float(quantile * math.sqrt(methods * (methods + 1) / (6 * problems)))
