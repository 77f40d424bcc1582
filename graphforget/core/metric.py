"""A measure says which direction is good, so nobody else has to know it."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from graphforget.core.errors import UserError

Function = TypeVar("Function", bound=Callable[..., Any])


class Direction(Enum):
    """Which of two values of a metric is the better one."""

    HIGHER_IS_BETTER = "higher"
    LOWER_IS_BETTER = "lower"
    CLOSER_TO_ORACLE_IS_BETTER = "closer to the oracle"


HIGHER_IS_BETTER = Direction.HIGHER_IS_BETTER
LOWER_IS_BETTER = Direction.LOWER_IS_BETTER
CLOSER_TO_ORACLE_IS_BETTER = Direction.CLOSER_TO_ORACLE_IS_BETTER


def metric(direction: Direction) -> Callable[[Function], Function]:
    """Mark a function as a metric; the function itself stays as it is.

    >>> @metric(LOWER_IS_BETTER)
    ... def seconds(outcome):
    ...     return outcome["seconds"]
    >>> seconds.direction
    <Direction.LOWER_IS_BETTER: 'lower'>
    >>> seconds({"seconds": 3.0})
    3.0
    """

    def mark(function: Function) -> Function:
        function.direction = direction  # type: ignore[attr-defined]
        return function

    return mark


def better(
    metric: Callable[..., Any] | Direction, a: float, b: float, oracle: float | None = None
) -> bool:
    """Whether value `a` is strictly better than value `b`; any number beats NaN.

    Args:
        metric: a marked function, or a direction.
        a: one value.
        b: the other.
        oracle: the value of the retrained model, where closeness to it is what counts.

    >>> better(HIGHER_IS_BETTER, 0.9, 0.8)
    True
    >>> better(CLOSER_TO_ORACLE_IS_BETTER, 0.9, 0.6, oracle=0.7)
    False
    """
    direction = metric if isinstance(metric, Direction) else getattr(metric, "direction", None)
    if direction is None:
        raise UserError(f"{metric!r} declares no direction; mark it with @metric(...)")
    if direction is CLOSER_TO_ORACLE_IS_BETTER:
        if oracle is None:
            raise UserError("this metric is judged by its distance to the oracle; give oracle=")
        a, b, direction = abs(a - oracle), abs(b - oracle), LOWER_IS_BETTER
    if math.isnan(a) or math.isnan(b):
        return math.isnan(b) and not math.isnan(a)
    return a > b if direction is HIGHER_IS_BETTER else a < b
