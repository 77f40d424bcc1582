"""What verbs print: text for people or one JSON object for machines, on standard output."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


def show(result: Mapping[str, Any], text: str, as_json: bool) -> None:
    """Print the result of a verb once, in the form that was asked for."""
    print(json.dumps(result) if as_json else text)


def note(text: str) -> None:
    """Tell what is going on, on standard error, so that standard output stays clean."""
    print(text, file=sys.stderr, flush=True)


def listing(values: Mapping[str, Any]) -> str:
    """One aligned line a value; numbers with four digits after the point.

    >>> print(listing({"test_accuracy": 0.8125, "seconds": 2.0}))
      test_accuracy  0.8125
      seconds        2.0000
    """
    width = max(map(len, values), default=0)
    return "\n".join(f"  {name:<{width}}  {_cell(value)}" for name, value in values.items())


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in aligned columns, the first row as the heading.

    >>> print(columns([["method", "exact"], ["Retrain", "yes"]]))
    method   exact
    Retrain  yes
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def as_parquet(table: pd.DataFrame) -> bytes:
    """A table as the content of a Parquet file, the same bytes for the same table."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
