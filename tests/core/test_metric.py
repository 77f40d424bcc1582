from __future__ import annotations

import math

import pytest

from graphforget.core.errors import UserError
from graphforget.core.metric import Direction, better, metric


@metric(Direction.CLOSER_TO_ORACLE_IS_BETTER)
def attack(outcome) -> float:
    return 0.5


def test_direction_decides() -> None:
    assert better(Direction.HIGHER_IS_BETTER, 2.0, 1.0)
    assert better(Direction.LOWER_IS_BETTER, 1.0, 2.0)
    assert better(attack, 0.55, 0.4, oracle=0.52)
    assert not better(attack, 0.4, 0.55, oracle=0.52)


@pytest.mark.parametrize("direction", Direction)
def test_never_better_than_itself_and_any_number_beats_nan(direction) -> None:
    assert not better(direction, 1.0, 1.0, oracle=0.0)
    assert better(direction, 9.0, math.nan, oracle=0.0)
    assert not better(direction, math.nan, 9.0, oracle=0.0)
    assert not better(direction, math.nan, math.nan, oracle=0.0)


def test_asking_what_cannot_be_judged_is_an_error() -> None:
    with pytest.raises(UserError, match="oracle="):
        better(attack, 1.0, 2.0)
    with pytest.raises(UserError, match="no direction"):
        better(len, 1.0, 2.0)
