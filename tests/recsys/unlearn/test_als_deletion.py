"""Least squares that go on without the request end at a stationary point of what is left."""

from __future__ import annotations

import torch

from graphforget.request import ForgetRequest
from graphforget.unlearn import Retrain
from recsys.learn import BPRMF, WeightedMF
from recsys.task import Ranking
from recsys.unlearn import ALSDeletion
from tests.recsys.planted import planted_log

LEARNER = WeightedMF(width=3, epochs=300, penalty=3.0)


def test_the_result_is_stationary_and_as_good_as_retraining() -> None:
    before = LEARNER.fit(planted_log(), Ranking(), seed=0)
    request = ForgetRequest("interaction", planted_log().pairs[:, :20].t().tolist())
    after = ALSDeletion(tolerance=1e-7, most=400)(before, request)
    again = Retrain()(before, request, seed=1)
    slopes, losses = [], []
    for each in (before, after, again):
        loss = LEARNER.loss(each.model, after.data, each.task, torch.Generator())
        (slope,) = torch.autograd.grad(loss, list(each.model.parameters()))
        slopes.append(float(slope.abs().max()))
        losses.append(loss.item())
    assert slopes[0] > 1e-3 > 1e-5 > slopes[1]
    assert losses[1] <= losses[0] and abs(losses[1] - losses[2]) < 0.05 * losses[2]


def test_a_forgotten_user_has_no_factors_left_and_the_original_has() -> None:
    before = WeightedMF(width=3, epochs=3).fit(planted_log(), Ranking(), seed=0)
    after = ALSDeletion()(before, ForgetRequest("user", [7]))
    assert before.model.rows[7].any() and not after.model.rows[7].any()


def test_other_models_are_refused() -> None:
    other = BPRMF(width=2, epochs=1).fit(planted_log(), Ranking(), seed=0)
    reason = ALSDeletion().supports(other, ForgetRequest("user", [0]))
    assert reason is not None and "BPRMF" in reason
