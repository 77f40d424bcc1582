"""A method with settings out of range would forget nothing, or everything, and say it was done."""

from __future__ import annotations

import pytest

from graphforget.core.errors import UserError
from graphforget.unlearn import SCRUB, BadTeacher, GNNDelete, GradientAscent, NegGradPlus


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: GradientAscent(steps=0),
        lambda: GradientAscent(steps=2.5),
        lambda: NegGradPlus(learning_rate=0.0),
        lambda: NegGradPlus(beta=1.5),
        lambda: BadTeacher(steps=-1),
        lambda: BadTeacher(retained=0.0),
        lambda: BadTeacher(retained=3.0),
        lambda: SCRUB(rounds=0),
        lambda: SCRUB(max_rounds=-1),
        lambda: SCRUB(temperature=0.0),
        lambda: GNNDelete(steps=0),
        lambda: GNNDelete(balance=-0.1),
    ],
)
def test_settings_out_of_range_are_refused_at_birth(wrong):
    with pytest.raises(UserError, match="wanted"):
        wrong()
