from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphforget.core.errors import UserError
from recsys.select.design import ClickRate, RawIds, codes, design, some_rows
from recsys.table import ClickTable, Part


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_row_never_sees_its_own_label(draw):
    """Flipping one label leaves that row's number, and moves those of its value elsewhere."""
    ids, label = draw.integers(5, size=200), draw.integers(2, size=200)
    flipped = label.copy()
    flipped[7] = 1 - flipped[7]
    average = ClickRate(pseudo_count=1e-9)  # or the prior would carry the flip to every row
    before, _ = average.encode(ids, label, ids[:0], seed=1)
    after, _ = average.encode(ids, flipped, ids[:0], seed=1)
    assert after[7] == pytest.approx(before[7], abs=1e-9)
    assert (np.abs(after - before)[ids == ids[7]] > 1e-6).sum() > 20


def test_values_seen_once_tell_nothing(draw):
    """Encoded with their own labels, they would tell everything."""
    label = draw.integers(2, size=1000)
    fitted, fresh = ClickRate().encode(np.arange(1000), label, np.arange(1000, 1010), seed=0)
    assert np.ptp(fitted) < 1e-12 and np.allclose(fresh, label.mean())


def test_click_rates_come_near_the_planted_ones(draw):
    ids = draw.integers(3, size=30_000)
    rates = np.array([0.1, 0.5, 0.8])
    label = (draw.random(30_000) < rates[ids]).astype(np.uint8)
    fitted, fresh = ClickRate().encode(ids, label, np.arange(3), seed=0)
    assert np.allclose(fresh, rates, atol=0.02) and np.allclose(fitted, rates[ids], atol=0.02)


@pytest.fixture
def table() -> ClickTable:
    return ClickTable.from_arrays(
        "toy",
        {"user": [1, 2, 1, 3, 2, 1], "tags": [[1, 2], [2, 0], [1, 2], [2, 1], [2, 0], [0, 0]]},
        label=[1, 0, 1, 0, 1, 0],
        part=[0, 0, 0, 1, 1, 2],
    )


def test_a_field_of_several_values_counts_combinations(table):
    assert codes(table, 0, np.array([3, 0])).tolist() == [3, 1]
    tags = codes(table, 1, np.arange(5))
    assert tags[0] == tags[2] and tags[1] == tags[4] and len(set(tags.tolist())) == 3


def test_the_design_has_a_column_a_field_and_the_parts_apart(table):
    seen = design(table, RawIds(), None, seed=0)
    assert seen.x[:, 0].tolist() == [1, 2, 1] and seen.y.tolist() == [1, 0, 1]
    assert seen.x_val[:, 0].tolist() == [3, 2] and seen.y_val.tolist() == [0, 1]
    assert seen.x[1, 1] == seen.x_val[1, 1] != seen.x_val[0, 1]


def test_the_rates_of_validation_rows_come_from_training_rows_alone(table):
    before = design(table, ClickRate(folds=3), None, seed=0).x_val
    label = table.label.copy()
    label[table.rows(Part.VAL)] = 1 - label[table.rows(Part.VAL)]
    after = design(replace(table, label=label), ClickRate(folds=3), None, seed=0).x_val
    assert np.array_equal(before, after)


def test_some_rows_are_drawn_by_the_seed_and_stay_in_order():
    rows = np.arange(10, 110)
    first, again, other = (some_rows(rows, 20, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert len(set(first.tolist())) == 20 and (np.diff(first) > 0).all()


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"pseudo_count": 0.0}, {"pseudo_count": np.inf}])
def test_click_rates_of_nothing_are_refused(wrong):
    with pytest.raises(UserError, match="wanted 2 folds or more and a pseudo_count above 0"):
        ClickRate(**wrong)
