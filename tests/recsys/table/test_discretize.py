"""Numbers fall into the buckets that were published, or that the training part has."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphforget.core.errors import UserError
from recsys.table import Edges, Quantiles, SquaredLog, WholeNumbers


def test_squared_log_is_the_published_rule():
    values = [-2, 0, 1, 2, 3, 4, 57, 1e6]
    rule = [int(math.log(x) ** 2) if x > 2 else math.floor(x) - 2 for x in values]
    assert SquaredLog().keys(np.array(values, dtype=float)).tolist() == rule


def test_quantiles_hold_the_same_number_each():
    values = np.random.default_rng(0).exponential(size=3200)
    buckets = Quantiles(32).fit(values)
    assert set(np.bincount(buckets.keys(values)).tolist()) <= {99, 100, 101}
    assert buckets.keys(np.array([-5.0, 1e9])).tolist() == [0, 31]


def test_a_frequent_value_takes_the_buckets_of_others():
    values = np.array([0.0] * 90 + list(range(1, 11)))
    assert len(np.unique(Quantiles(10).fit(values).keys(values))) <= 3
    assert Quantiles(4).fit(np.empty(0)).keys(np.array([1.0])).tolist() == [0]


def test_edges_must_ascend():
    assert Edges((1, 10)).keys(np.array([0.0, 1, 2, 10, 11])).tolist() == [0, 0, 1, 1, 2]
    with pytest.raises(UserError, match="ascend"):
        Edges((1.0, 1.0))
    with pytest.raises(UserError, match="quantiles"):
        Quantiles(1)


@pytest.mark.parametrize("edges", [5, ("a", "b"), (1, float("nan")), (True, 2), ([1], [2])])
def test_edges_are_finite_numbers(edges):
    with pytest.raises(UserError, match="edges: wanted finite numbers"):
        Edges(edges)


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_all_integers_keep_their_side():
    for rule in (WholeNumbers(), SquaredLog()):
        low, middle, high = rule.keys(np.array([-1e300, 1.0, 1e300])).tolist()
        assert low < middle < high
