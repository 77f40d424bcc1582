"""Tables of the board, computed from trials alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.board.bootstrap import interval
from recsys.board.curve import Curve, band
from recsys.board.ranks import Ranks, mean_ranks
from recsys.board.stability import jaccard, kendall, nogueira, top
from recsys.board.trial import Trial
from recsys.select import RandomOrder

TOP = 5
"""Number of leading fields whose stability is told, where a table has more than that."""

Problem = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """One selector on one table with one backbone, over its seeds.

    Args:
        title: what tables call the selector.
        trials: one a seed.
    """

    title: str
    trials: tuple[Trial, ...]

    def mean(self, name: str) -> float:
        """Mean of a number over the seeds that have it."""
        values = [trial[name] for trial in self.trials]
        known = [value for value in values if not math.isnan(value)]
        return float(np.mean(known)) if known else math.nan

    def spread(self, name: str) -> float:
        """Standard deviation over seeds; NaN for one."""
        values = [trial[name] for trial in self.trials]
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan

    @property
    def curves(self) -> list[Curve]:
        """Those of the seeds."""
        return [trial.curve for trial in self.trials if trial.curve is not None]

    @property
    def is_random(self) -> bool:
        """Whether this is the band that others are read against."""
        return self.trials[0].record.learner == RandomOrder.__name__

    def stability(self) -> dict[str, float]:
        """Kendall's tau, Jaccard and Nogueira index of the top fields, over seeds."""
        rankings = [trial.ranking for trial in self.trials if trial.ranking]
        if len(rankings) < 2:
            return {"kendall": math.nan, "jaccard": math.nan, "nogueira": math.nan}
        k = top_k(len(rankings[0]))
        return {
            "kendall": kendall(rankings),
            "jaccard": jaccard(rankings, k),
            "nogueira": nogueira(top(rankings, k)),
        }


def top_k(fields: int) -> int:
    """How many leading fields stability is told of.

    >>> top_k(39), top_k(4)
    (5, 2)
    """
    return TOP if fields > TOP else max(1, fields // 2)


def standings(trials: Sequence[Trial]) -> dict[Problem, list[Standing]]:
    """Selectors by data set and backbone, the largest AUKC first, those without a curve last."""
    found: dict[Problem, dict[str, list[Trial]]] = {}
    for trial in trials:
        found.setdefault(trial.problem, {}).setdefault(trial.title, []).append(trial)
    return {
        problem: sorted(
            (Standing(title, tuple(those)) for title, those in by_title.items()),
            key=lambda one: -np.nan_to_num(one.mean("aukc"), nan=-1.0),
        )
        for problem, by_title in found.items()
    }


def random_range(those: Sequence[Standing]) -> tuple[float, float] | None:
    """Lowest and highest AUKC of random orders, or None without any."""
    values = [trial["aukc"] for one in those if one.is_random for trial in one.trials]
    return (min(values), max(values)) if values else None


def random_band(those: Sequence[Standing]) -> tuple[NDArray, NDArray, NDArray] | None:
    """Lowest, mean and highest AUC of random orders at each k, or None without any."""
    curves = [curve for one in those if one.is_random for curve in one.curves]
    return band(curves) if curves else None


def beside_random(one: Standing, those: Sequence[Standing]) -> str:
    """Where a selector's AUKC stands to those of random orders, in a word."""
    limits, value = random_range(those), one.mean("aukc")
    if limits is None or one.is_random or math.isnan(value):
        return ""
    return "below" if value < limits[0] else "above" if value > limits[1] else "within"


def ranked(found: Mapping[Problem, Sequence[Standing]]) -> Ranks | None:
    """Mean ranks by AUKC over problems, of selectors that every problem has; None if too few.

    Problems are data sets with backbones, each the mean over seeds. Where there is only one, its
    seeds take their place: that says how sure the order is there, and nothing about other tables.
    """
    if len(found) > 1:
        rows = [{one.title: one.mean("aukc") for one in those} for those in found.values()]
    else:
        seeds: dict[int, dict[str, float]] = {}
        for one in next(iter(found.values()), []):
            for trial in one.trials:
                seeds.setdefault(trial.record.seed, {})[one.title] = trial["aukc"]
        most = max((len(row) for row in seeds.values()), default=0)
        rows = [row for row in seeds.values() if len(row) == most]  # random orders have more
    names = [name for name in (rows[0] if rows else {})
             if all(math.isfinite(row.get(name, math.nan)) for row in rows)]
    if len(names) < 2 or len(rows) < 2:
        return None
    return mean_ranks(names, [[row[name] for name in names] for row in rows])


def differences(
    drawn: Mapping[str, NDArray], against: str
) -> dict[str, tuple[float, float, float]]:
    """AUKC of each selector less that of one, with a 95% interval over draws of test rows.

    Args:
        drawn: by selector, AUKC on each draw, the mean over seeds, shape ``(draws,)``.
        against: the one that is subtracted; it has to be chosen before looking.

    >>> values = {"a": np.array([0.5, 0.6]), "b": np.array([0.4, 0.5])}
    >>> [round(value, 3) for value in differences(values, "b")["a"]]
    [0.1, 0.1, 0.1]
    """
    if against not in drawn:
        return {}
    found = {}
    for title, values in drawn.items():
        if title != against:
            apart = values - drawn[against]
            found[title] = (float(np.nanmean(apart)), *interval(apart))
    return found
