"""A table in which it is known which fields matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from recsys.table.click_table import ClickTable, Part

VALUES = 16
"""Values of a relevant field."""
NOISE = (8, 32, 128)
"""Values of the irrelevant fields, in turn: noise of many values is the harder to see through."""


@dataclass(frozen=True, eq=False)
class Planted:
    """A table and what was planted in it."""

    table: ClickTable
    relevant: tuple[str, ...]
    """Fields that the label depends on, each as strongly as the others."""
    redundant: dict[str, str]
    """Fields that are a coarser copy of a relevant one, and of which."""
    irrelevant: tuple[str, ...]
    """Fields of noise."""
    chance: NDArray[np.float64]
    """Shape ``(R,)``: the probability that each label was drawn with. No model can do better."""


def planted_table(
    rows: int = 2000, relevant: int = 3, redundant: int = 2, irrelevant: int = 3, seed: int = 0
) -> Planted:
    """Draw a table whose label depends on some fields and not on others.

    Each value of a relevant field adds its own effect to the logit of a click; the effects of a
    field have mean 0 and deviation 1. A redundant field is a relevant one with its values merged
    in pairs and renamed. An irrelevant field is uniform noise. The fields come in random order,
    so that nobody is right by keeping the order of the table.

    Args:
        rows: ``R``, divided at random into 70 % for training, 20 % for validation, 10 % for test.
        relevant: number of such fields.
        redundant: number of such fields, at most as many as are relevant.
        irrelevant: number of such fields.
        seed: the same seed gives the same table.

    Raises:
        UserError: fewer than 20 rows, no relevant field, or more redundant than relevant ones.

    Example:
        >>> planted = planted_table(100, relevant=2, redundant=1, irrelevant=1, seed=1)
        >>> planted.relevant, planted.redundant, planted.irrelevant
        (('relevant_0', 'relevant_1'), {'redundant_0': 'relevant_0'}, ('irrelevant_0',))
    """
    if rows < 20 or relevant < 1 or irrelevant < 0 or not 0 <= redundant <= relevant:
        raise UserError(
            "planted table: wanted 20 rows or more, a relevant field and no more redundant than "
            f"relevant ones, got {rows} rows, {relevant} relevant, {redundant} redundant, "
            f"{irrelevant} irrelevant"
        )
    draw = np.random.default_rng(seed)
    columns: dict[str, NDArray[np.int64]] = {}
    logit = np.zeros(rows)
    for number in range(relevant):
        values = draw.integers(VALUES, size=rows)
        effect = draw.standard_normal(VALUES)
        logit += ((effect - effect.mean()) / effect.std())[values]
        columns[f"relevant_{number}"] = 1 + values
    for number in range(redundant):
        merged = draw.permutation(VALUES) // 2
        columns[f"redundant_{number}"] = 1 + merged[columns[f"relevant_{number}"] - 1]
    for number in range(irrelevant):
        columns[f"irrelevant_{number}"] = 1 + draw.integers(NOISE[number % len(NOISE)], size=rows)
    chance = 1 / (1 + np.exp(-logit))
    first, second = round(0.7 * rows), round(0.9 * rows)
    part = np.repeat([Part.TRAIN, Part.VAL, Part.TEST], [first, second - first, rows - second])
    names = draw.permutation(list(columns))
    table = ClickTable.from_arrays(
        "planted",
        {str(name): columns[name] for name in names},
        label=draw.random(rows) < chance,
        part=draw.permutation(part),
        users=draw.integers(max(1, rows // 20), size=rows),
    )
    return Planted(
        table,
        tuple(f"relevant_{number}" for number in range(relevant)),
        {f"redundant_{number}": f"relevant_{number}" for number in range(redundant)},
        tuple(f"irrelevant_{number}" for number in range(irrelevant)),
        chance,
    )
