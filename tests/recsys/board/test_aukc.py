"""AUKC against the published curves, and what it must be in the limit."""

from __future__ import annotations

import numpy as np
import pytest

from graphforget.core.errors import UserError
from recsys.board.aukc import aukc, convention

AVAZU, CRITEO = (5, 10, 15, 17, 19, 21), (5, 10, 15, 20, 25, 30, 33, 36)
PUBLISHED = [
    (AVAZU, (0.7573, 0.7786, 0.7855, 0.7861, 0.7861, 0.7860), 0.4865),
    (AVAZU, (0.7076, 0.7574, 0.7654, 0.7698, 0.7842, 0.7855), 0.4426),
    (AVAZU, (0.7558, 0.7820, 0.7899, 0.7904, 0.7901, 0.7904), 0.4910),
    (CRITEO, (0.6887, 0.7515, 0.7847, 0.7896, 0.7928, 0.7964, 0.7995, 0.7993), 0.5039),
    (CRITEO, (0.6730, 0.7159, 0.7491, 0.7811, 0.7920, 0.7952, 0.7960, 0.7976), 0.4761),
    (CRITEO, (0.6841, 0.7534, 0.7875, 0.7932, 0.7970, 0.8012, 0.8044, 0.8046), 0.5084),
]
"""Curves of the authors' results file and the area on their grid."""


@pytest.mark.parametrize(("grid", "auc", "area"), PUBLISHED)
def test_the_area_of_published_curves(grid, auc, area):
    assert float(aukc(auc, grid)) == pytest.approx(area, abs=1e-4)


def test_dense_and_sparse_grids_agree_on_a_straight_curve():
    dense = np.linspace(0.5, 0.9, 13)[1:]
    sparse = dense[[2, 5, 11]]
    assert aukc(dense, range(1, 13)) == pytest.approx(float(aukc(sparse, (3, 6, 12))))


@pytest.mark.parametrize("fields", [1, 4, 39])
def test_perfect_models_lose_half_a_cell(fields):
    assert float(aukc(np.ones(fields), range(1, fields + 1))) == 1 - 1 / (2 * fields)


def test_a_batch_of_curves_gives_a_batch_of_areas():
    curves = np.random.default_rng(0).uniform(0.5, 1, size=(3, 4, 5))
    areas = aukc(curves, range(1, 6))
    assert areas.shape == (3, 4)
    assert areas[1, 2] == aukc(curves[1, 2], range(1, 6))


@pytest.mark.parametrize("grid", [(), (0, 1), (2, 2), (3, 1)])
def test_what_is_no_grid_is_refused(grid):
    with pytest.raises(UserError, match="wanted whole numbers from 1 that increase"):
        aukc(np.ones(len(grid)), grid)


def test_a_missing_value_is_refused():
    with pytest.raises(UserError, match="an AUC for each of 3 k"):
        aukc([0.7, 0.8], (1, 2, 3))


def test_the_convention_names_grid_start_and_normaliser():
    assert convention(range(1, 14)) == "k = 1..13, A_0 = 0.5 at k_0 = 0, divided by 13"
    assert "k = 5, 10, 15, 17, 19, 21" in convention(AVAZU) and "by 21" in convention(AVAZU)
