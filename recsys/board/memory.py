"""What a ranking saves: how many of its leading fields fit into a part of the embedding rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHARES = (0.25, 0.5, 0.75)
"""Parts of all embedding rows for which the number of leading fields is reported."""


def leading_fields(
    ranking: Sequence[str], rows: Mapping[str, int], share: float
) -> int:
    """How many of the first fields of a ranking fit under a share of all embedding rows.

    Args:
        ranking: fields from the most to the least important.
        rows: rows of each field's embedding.
        share: of the rows of all fields.

    >>> leading_fields(["age", "item", "user"], {"age": 10, "item": 40, "user": 50}, share=0.5)
    2
    >>> leading_fields(["user", "age", "item"], {"age": 10, "item": 40, "user": 50}, share=0.25)
    0
    """
    room = share * sum(rows[name] for name in ranking)
    fit = used = 0
    for name in ranking:
        used += rows[name]
        if used > room:
            break
        fit += 1
    return fit


def share_of_rows(fields: Sequence[str], rows: Mapping[str, int]) -> float:
    """The share of all embedding rows that some fields take.

    >>> share_of_rows(["age"], {"age": 10, "item": 40})
    0.2
    """
    return sum(rows[name] for name in fields) / sum(rows.values())
