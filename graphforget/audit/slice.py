"""One region's distance to retraining, and how much of it is noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphforget.audit.distance import rho

STRICT_RHO = 0.1  # the bar of d2dgn.md section 7
SPREADS = 2.0  # standard deviations of retrained models that count as noise
SMALLEST_DISTANCE = 0.002  # smaller distances are nothing, where all retrained models agree
SMALLEST_BY_ONE_PAIR = 0.01  # the same where one pair of retrained models has to show the noise


@dataclass(frozen=True)
class Slice:
    """Distances to retraining on one region.

    A slice passes if its rho is at most 0.1, or if its distance exceeds the floor by no more than
    noise: two standard errors of the difference between two samples of that many retrained
    models, and never less than a tenth of the floor or 0.002. With a single pair of retrained
    models the spread is not known; half of the floor and three standard errors over the items
    take its place, and never less than 0.01.

    Args:
        items: number of items.
        distance: mean distance of the unlearned models to retrained ones, 0 to 1.
        none: that of the original models.
        floor: that of other retrained models.
        spread: standard error of the difference between the mean distances of two samples of
            retrained models; NaN if there is one model alone.
        error: standard error of the floor over the items.
        kl: Gaussian KL of the margins, mean over the items, and its value for *none* and *floor*.
        separation: per-item ``|AUC - 1/2|``, in the same order.
    """

    items: int
    distance: float
    none: float
    floor: float
    spread: float = math.nan
    error: float = 0.0
    kl: tuple[float, float, float] | None = None
    separation: tuple[float, float, float] | None = None

    @property
    def rho(self) -> float:
        """Normalised distance: 0 is retraining, 1 is having done nothing."""
        return rho(self.distance, self.none, self.floor)

    @property
    def noise(self) -> float:
        """What a retrained model's distance may exceed the floor by."""
        if math.isnan(self.spread):
            return max(0.5 * self.floor + 3 * self.error, SMALLEST_BY_ONE_PAIR)
        return max(SPREADS * self.spread, 0.1 * self.floor, SMALLEST_DISTANCE)

    @property
    def limit(self) -> float:
        """Largest distance that passes."""
        return self.floor + max(STRICT_RHO * (self.none - self.floor), self.noise)

    @property
    def passed(self) -> bool:
        """Whether the unlearned models are as close to retraining as noise allows."""
        return self.distance <= self.limit

    @property
    def telling(self) -> bool:
        """Whether doing nothing would have failed here; if not, passing says little."""
        return self.none > self.floor + self.noise
