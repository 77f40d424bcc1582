"""Friedman and Nemenyi against the example worked in Demsar's paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphforget.core.errors import UserError
from recsys.board.ranks import Ranks, critical_difference, mean_ranks

C45 = np.array([
    [.763, .599, .954, .628, .882, .936, .661, .583, .775, 1.0, .940, .619, .972, .957],
    [.768, .591, .971, .661, .888, .931, .668, .583, .838, 1.0, .962, .666, .981, .978],
    [.771, .590, .968, .654, .886, .916, .609, .563, .866, 1.0, .965, .614, .9751, .946],
    [.798, .569, .967, .657, .898, .931, .685, .625, .875, 1.0, .962, .669, .975, .970],
]).T
"""AUC of C4.5, with m, with cf, with both, on 14 data sets (Demsar 2006, Table 6)."""


def test_mean_ranks_of_the_paper():
    found = mean_ranks(["C4.5", "m", "cf", "m+cf"], C45)
    rank = dict(zip(found.methods, found.mean, strict=True))
    assert rank["C4.5"] == pytest.approx(3.143, abs=5e-3)
    assert rank["m"] == pytest.approx(2.000, abs=5e-3)
    assert rank["cf"] == pytest.approx(2.893, abs=5e-3)
    assert rank["m+cf"] == pytest.approx(1.964, abs=5e-3)
    assert found.p_value < 0.05  # the paper's chi-squared is 9.28 with 3 degrees of freedom
    assert found.methods[0] == "m+cf"


@pytest.mark.parametrize(
    ("methods", "quantile"), [(2, 1.960), (3, 2.343), (4, 2.569), (6, 2.850), (10, 3.164)]
)
def test_critical_values_of_the_papers_table(methods, quantile):
    difference = critical_difference(methods, 14)
    assert difference == pytest.approx(quantile * math.sqrt(methods * (methods + 1) / 84), rel=1e-3)


def test_methods_that_are_equal_share_their_rank_and_group():
    found = mean_ranks(["a", "b", "c"], [[1, 1, 1], [2, 2, 2]])
    assert found.mean == (2.0, 2.0, 2.0) and math.isnan(found.p_value)
    assert found.groups() == [(0, 2)]


def test_groups_are_maximal():
    found = Ranks(("a", "b", "c", "d"), (1.0, 1.8, 2.6, 5.0), 0.01, 1.0, 9)
    assert found.groups() == [(0, 1), (1, 2)]


def test_a_missing_score_is_refused():
    with pytest.raises(UserError, match="finite scores of two or more methods"):
        mean_ranks(["a", "b"], [[1, 2], [1, float("nan")]])
    with pytest.raises(UserError, match="two or more problems"):
        mean_ranks(["a", "b"], [[1, 2]])
