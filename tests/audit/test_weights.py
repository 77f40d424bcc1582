"""Weights that are the original's, nudged, are told from weights that were changed by the data."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from graphforget.audit import fit_many, regions
from graphforget.audit.judges import judge_weights
from graphforget.audit.weights import WeightChange, gain, weight_change
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction
from graphforget.unlearn import D2DGN, GNNDelete, Resume
from tests.audit import methods
from tests.conftest import planted_partition

TASK = LinkPrediction(8)
LEARNER = CrossEntropy(GCN(hidden=16, dropout=0.0), epochs=60, snapshots=())


@pytest.fixture(scope="module")
def easy():
    """Originals and retrained models of a link request that leaves next to nothing to forget."""
    from graphforget.data.split import split_links

    data = split_links(planted_partition(), seed=0, val=0.1, test=0.2)
    request = ForgetRequest("edge", data.edge_index[:, ::40])
    originals = fit_many(LEARNER, data, TASK, range(4))
    retrained = fit_many(LEARNER, request.retained(data), TASK, range(100, 104))
    return originals, retrained, request


def change(easy, method, models=slice(None)) -> WeightChange:
    originals, retrained, request = easy
    originals = originals[models]
    after = [method(each, request, each.seed) for each in originals]
    return weight_change(originals, after, retrained, request, regions(originals[0], request))


@pytest.mark.parametrize("by", [0.0, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("models", [slice(None), slice(1)])
def test_nudged_weights_are_the_originals(easy, by, models):
    found = change(easy, methods.Nudge(by=by), models)
    assert not found.passed, found
    assert "the original's" in judge_weights(found, exact=False).words


@pytest.mark.parametrize("method", [
    D2DGN(), Resume(), methods.RetrainApart(),
    pytest.param(GNNDelete(), marks=pytest.mark.slow),
])
def test_what_comes_from_the_data_is_let_through(easy, method):
    found = change(easy, method)
    assert found.passed, found
    assert found.another == isinstance(method, methods.RetrainApart)


def test_one_model_can_be_enough_to_see_it(easy):
    assert change(easy, D2DGN(), slice(1)).passed
    assert change(easy, methods.RetrainApart(), slice(1)).passed


def test_an_exact_method_need_not_change_a_weight(easy):
    found = change(easy, methods.Unlink())
    assert found.size == 0.0 and not judge_weights(found, exact=False).passed
    assert judge_weights(found, exact=True).passed


def test_a_significant_gain_lets_through_whatever_the_change_is():
    still = WeightChange(size=0.01, retrained=1.4, moved=0.2, as_far=0.5, along=0.3)
    assert not still.passed
    bare = torch.tensor([0.30, 0.31, 0.29, 0.30])
    clear = gain(bare, bare - torch.tensor([0.10, 0.11, 0.09, 0.10]), floor=0.1)
    assert dataclasses.replace(still, **clear).nearer
    for noise in ([0.1, -0.1, 0.1, -0.1], [0.001, 0.001, 0.001, 0.0011]):  # unsure; or tiny
        found = gain(bare, bare - torch.tensor(noise), floor=0.1)
        assert not dataclasses.replace(still, **found).nearer
    one = gain(bare[:1], bare[:1] - 0.1, floor=0.1)
    assert not dataclasses.replace(still, **one).nearer and math.isfinite(one["gain"])


def test_what_does_nothing_is_stopped_though_its_direction_is_right():
    assert not WeightChange(size=1e-6, retrained=1.4, moved=1e-5, as_far=0.0, along=-40.0).passed
