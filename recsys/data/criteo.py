"""Criteo's display advertising challenge: 13 integers, 26 categories, in order of time."""

from __future__ import annotations

from pathlib import Path

from recsys.table import Column, CsvSource, InOrder, Kind, Label, Schema, SquaredLog
from recsys.table.source import header

INTEGERS = tuple(f"I{number}" for number in range(1, 14))
CATEGORIES = tuple(f"C{number}" for number in range(1, 27))

CRITEO = Schema(
    (
        *(Column(name, Kind.NUMERICAL, buckets=SquaredLog()) for name in INTEGERS),
        *map(Column, CATEGORIES),
    ),
    Label("label"),
    InOrder(val=0.2, test=0.1),
    delimiter="\t",
)
"""39 fields, 70/20/10 in the order of the file."""


def criteo(file: Path) -> CsvSource:
    """Read ``train.txt`` as it was published, without header, or a copy that has one.

    Args:
        file: tab-separated, compressed or not.
    """
    has_header = header(file, "\t")[0] == "label"
    names = () if has_header else ("label", *INTEGERS, *CATEGORIES)
    return CsvSource((file,), "\t", names, quoted=False)
