"""Numbers as tables say them."""

from __future__ import annotations

import math


def number(value: float, sign: str = "", digits: int = 4) -> str:
    """A number, or a dash for what was not measured.

    >>> number(0.51239), number(0.01, "+"), number(float("nan"))
    ('0.5124', '+0.0100', '–')
    """
    return "–" if math.isnan(value) else f"{value:{sign}.{digits}f}"


def percent(value: float) -> str:
    """A share in percent, or a dash.

    >>> percent(0.25)
    '25%'
    """
    return "–" if math.isnan(value) else f"{value:.0%}"


def interval_words(low: float, high: float) -> str:
    """Two ends, or a dash.

    >>> interval_words(-0.01, 0.02)
    '-0.0100 to +0.0200'
    """
    return "–" if math.isnan(low) else f"{low:+.4f} to {high:+.4f}"
