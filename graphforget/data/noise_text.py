"""Label noise as the command line names it: ``asymmetric:0.3``."""

from __future__ import annotations

import re

from graphforget.core.errors import UserError
from graphforget.data.noise import Asymmetric, LabelNoise, Pair, RandomFlips, Symmetric

KINDS: dict[str, type[LabelNoise]] = {
    "symmetric": Symmetric,
    "asymmetric": Asymmetric,
    "pair": Pair,
    "random": RandomFlips,
}
"""The kinds by the names that a text may use."""

NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})")


def parse_noise(text: str) -> LabelNoise:
    """Read ``KIND:RATE``, the kind one of `KINDS` and the rate from 0 to below 1.

    Raises:
        UserError: a text that is not of this form, or a rate out of range.

    >>> parse_noise("asymmetric:0.3")
    Asymmetric(rate=0.3)
    >>> parse_noise("asymmetric:30")
    Traceback (most recent call last):
    graphforget.core.errors.UserError: label noise rate: wanted 0 up to below 1, got 30.0
    """
    kind, _, rate = text.strip().lower().partition(":")
    if kind not in KINDS or not NUMBER.fullmatch(rate):
        raise UserError(
            f"noise {text[:80]!r} is not understood; wanted {', '.join(KINDS)}, each with a rate, "
            "such as asymmetric:0.3"
        )
    return KINDS[kind](float(rate))
