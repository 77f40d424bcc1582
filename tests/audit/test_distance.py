"""Distances are zero for the same answers, and controls scale them."""

from __future__ import annotations

import math

import torch

from graphforget.audit.distance import (
    distances,
    gaussian_kl,
    item_distance,
    item_separation,
    retrain_gap,
    rho,
)
from graphforget.audit.measures import direction_of
from graphforget.core.metric import Direction


def test_same_answers_have_no_distance():
    p = torch.rand(5, 3).softmax(-1)
    assert torch.equal(item_distance(p, p), torch.zeros(5))
    assert distances([p, p], [p]).tolist() == [[0.0], [0.0]]


def test_links_are_measured_by_their_probability():
    assert item_distance(torch.tensor([0.25]), torch.tensor([0.75])).tolist() == [0.5]


def test_rho_is_one_for_nothing_and_zero_for_retraining():
    assert rho(0.3, none=0.3, floor=0.1) == 1.0
    assert rho(0.1, none=0.3, floor=0.1) == 0.0
    assert math.isnan(rho(0.1, none=0.1, floor=0.1))


def test_gaussian_kl_sees_a_shift_and_has_the_known_floor():
    draw = torch.Generator().manual_seed(0)
    one, two = torch.randn(2, 16, 2000, generator=draw)
    assert 0.10 < float(gaussian_kl(one, two).mean()) < 0.20  # evaluation.md 4.3: .15
    assert 0.6 < float(gaussian_kl(one + 1, two).mean()) < 0.9  # .74


def test_separation_of_items_has_the_known_floor():
    draw = torch.Generator().manual_seed(0)
    one, two = torch.randn(2, 16, 2000, generator=draw)
    assert 0.06 < float(item_separation(one, two).mean()) < 0.10  # evaluation.md 4.3: .08
    assert 0.22 < float(item_separation(one - 1, two).mean()) < 0.30  # .26


def test_every_measure_says_which_way_is_good():
    assert gaussian_kl.direction is item_distance.direction is Direction.LOWER_IS_BETTER
    assert retrain_gap.direction is Direction.CLOSER_TO_ORACLE_IS_BETTER
    assert direction_of("test_auc") is Direction.HIGHER_IS_BETTER
    assert direction_of("distance_test") is Direction.LOWER_IS_BETTER
    assert direction_of("forget_auc") is Direction.CLOSER_TO_ORACLE_IS_BETTER
