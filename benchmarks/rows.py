"""Rows of measurements as JSON lines: read, made writable, put in groups."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; a line that was cut short is left out, a missing file has none."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def finite(values: Row) -> dict[str, Any]:
    """The same values with None for what is no number, as JSON has it.

    >>> finite({"rho": {"ring": float("nan"), "rest": 0.5}})
    {'rho': {'ring': None, 'rest': 0.5}}
    """
    return {
        key: finite(value) if isinstance(value, dict)
        else None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple, list[Row]]:
    """Rows by the values of some of their fields, in the order they came."""
    found: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return dict(found)
