"""Parts have the sizes asked for, and mean what their rule says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from graphforget.core.errors import UserError
from recsys.table import NO_PART, AtRandom, ByTime, Given, InOrder, Part, split


def codes(rule, values=None, rows=None):
    def pieces():
        for start in range(0, len(values), 7):
            yield pa.array(values[start : start + 7])

    return np.concatenate(list(rule.parts(len(values) if rows is None else rows, pieces)))


def test_in_order():
    assert codes(InOrder(0.2, 0.1), rows=10).tolist() == [0] * 7 + [1] * 2 + [2]


def test_at_random_has_exact_sizes_and_follows_its_seed():
    first = codes(AtRandom(seed=1), rows=1000)
    assert np.bincount(first).tolist() == [700, 200, 100]
    assert (first == codes(AtRandom(seed=1), rows=1000)).all()
    assert (first != codes(AtRandom(seed=2), rows=1000)).mean() > 0.3
    assert (first[:-1] == first[1:]).mean() < 0.65  # it is mixed


def test_at_random_differs_from_block_to_block(monkeypatch):
    monkeypatch.setattr(split, "BLOCK", 100)
    blocks = codes(AtRandom(seed=1), rows=300).reshape(3, 100)
    assert (blocks[0] != blocks[1]).any()
    assert [np.bincount(block).tolist() for block in blocks] == [[70, 20, 10]] * 3


def test_by_time_no_part_reaches_into_the_time_of_the_next():
    times = np.random.default_rng(0).integers(40, size=500).astype(float)
    found = codes(ByTime("t"), times)
    assert times[found == 0].max() < times[found == 1].min()
    assert times[found == 1].max() < times[found == 2].min()
    assert abs((found == 0).mean() - 0.7) < 0.05
    mixed = np.random.default_rng(1).permutation(100).astype(float)
    assert np.bincount(codes(ByTime("t"), mixed)).tolist() == [70, 20, 10]


def test_given():
    said = ["train", "Valid", "test", None, " val ", "validation"]
    expected = [Part.TRAIN, Part.VAL, Part.TEST, NO_PART, Part.VAL, Part.VAL]
    assert codes(Given(), said).tolist() == expected
    with pytest.raises(UserError, match="'split' must be train, val, test or empty, row 9 has 'x'"):
        codes(Given(), ["train"] * 8 + ["x"])


@pytest.mark.parametrize("shares", [(0, 0.1), (0.1, 0), (0.5, 0.5), (-0.1, 0.1)])
def test_shares_that_leave_a_part_empty(shares):
    for rule in (InOrder, AtRandom):
        with pytest.raises(UserError, match="shares"):
            rule(val=shares[0], test=shares[1])
