"""Forward and backward correction: unbiased by the theorems, helpful on the planted graph."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import pytest
import torch
import torch.nn.functional as F

from graphforget.core.errors import UserError
from graphforget.learn import BackwardCorrection, CrossEntropy, ForwardCorrection
from graphforget.learn.robust.backward_correction import backward_corrected, invertible
from graphforget.learn.robust.forward_correction import forward_corrected
from graphforget.learn.robust.transition import anchor_transition
from tests.learn.robust.noisy import ASYMMETRIC, ENCODER, TASK, accuracies, gain, noisy_blocks, step
from tests.learn.robust.noisy import random_answers as answers

BOTH = [ForwardCorrection, BackwardCorrection]


def random_transition(classes=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(classes, classes, generator=generator, dtype=torch.float64)
    return 0.6 * torch.eye(classes) + 0.4 * noise / noise.sum(1, keepdim=True)


def test_backward_is_cross_entropy_with_the_true_class_on_average():
    logits, _ = answers()
    log_p, matrix = logits.log_softmax(1), random_transition()
    for true in range(4):
        every = [backward_corrected(log_p, torch.full((7,), k), matrix) for k in range(4)]
        average = (matrix[true] @ torch.stack(every)).flatten()
        torch.testing.assert_close(average, -log_p[:, true])


def test_forward_is_least_where_the_true_distribution_is_answered():
    """Theorem 2, by descent on free logits of one node whose true distribution is known."""
    matrix, true = random_transition(), torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    given = true @ matrix
    logits = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12)

    def loss():
        optimizer.zero_grad()
        log_p = logits.log_softmax(1).expand(4, 4)
        value = (given * forward_corrected(log_p, torch.arange(4), matrix)).sum()
        value.backward()
        return value

    optimizer.step(loss)
    torch.testing.assert_close(logits.detach().softmax(1)[0], true, atol=1e-4, rtol=0)


@pytest.mark.parametrize("corrected", [forward_corrected, backward_corrected])
def test_without_noise_both_are_cross_entropy(corrected):
    logits, labels = answers()
    plain = F.cross_entropy(logits, labels, reduction="none")
    identity = torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(corrected(logits.log_softmax(1), labels, identity), plain)


def test_anchors_show_the_matrix_where_the_answers_are_the_noisy_posterior():
    matrix = random_transition()
    sure = torch.cat([torch.eye(4), torch.full((20, 4), 0.25)]).double()
    torch.testing.assert_close(anchor_transition(sure @ matrix, quantile=1.0), matrix)


def test_singular_matrices_are_made_invertible_and_others_left_alone():
    torch.testing.assert_close(invertible(random_transition()), random_transition())
    mixed = invertible(torch.full((3, 3), 1 / 3))
    assert torch.linalg.cond(mixed) < 1e3
    torch.testing.assert_close(mixed.sum(1), torch.ones(3))


@pytest.mark.slow
@pytest.mark.parametrize("learner", BOTH)
def test_the_correct_matrix_recovers_what_wrong_labels_cost(learner):
    knowing = learner(ENCODER, transition=ASYMMETRIC)
    assert gain(knowing) > 0.06
    assert mean(accuracies(knowing)) > 0.93


def test_the_wrong_way_round_the_matrix_does_harm():
    turned = ((1.0, 0.0), (0.4, 0.6))
    right = mean(accuracies(ForwardCorrection(ENCODER, transition=ASYMMETRIC)))
    assert mean(accuracies(ForwardCorrection(ENCODER, transition=turned))) < right - 0.05


@pytest.mark.parametrize("learner", BOTH)
def test_an_estimated_matrix_helps_too(learner):
    assert gain(learner(ENCODER, warm_up=30)) > 0.03


def test_a_short_warm_up_sees_the_flips_and_a_long_one_has_learnt_them_by_heart():
    data = noisy_blocks(seed=0)
    short = ForwardCorrection(ENCODER, warm_up=30).estimate(data, TASK, 0)
    long = ForwardCorrection(ENCODER, warm_up=400).estimate(data, TASK, 0)
    assert 0.15 < float(short[0, 1]) < 0.65 and float(short[0, 1]) > float(long[0, 1])
    assert float(short[1, 0]) < 0.15
    torch.testing.assert_close(short.sum(1), torch.ones(2))


def test_the_estimate_is_made_by_the_same_training_without_correction():
    data = noisy_blocks(seed=1)
    learner = ForwardCorrection(ENCODER, epochs=12, quantile=1.0)
    plain = CrossEntropy(ENCODER, epochs=12).fit(data, TASK, 7)
    wanted = anchor_transition(plain.response(torch.arange(200)), 1.0)
    torch.testing.assert_close(learner.estimate(data, TASK, 7), wanted)
    given = replace(learner, transition=tuple(map(tuple, wanted.double().tolist())))
    first, second = (one.fit(data, TASK, 7).model for one in (learner, given))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("learner", BOTH)
def test_a_matrix_that_forbids_a_label_that_is_there_keeps_the_loss_finite(learner):
    loss = step(learner(ENCODER, transition=((1.0, 0.0), (1.0, 0.0))), noisy_blocks(0))
    loss.backward()
    assert torch.isfinite(loss)


@pytest.mark.parametrize("learner", BOTH)
@pytest.mark.parametrize(
    "settings",
    [
        {"transition": ((0.5, 0.4), (0.0, 1.0))},
        {"transition": ((1.5, -0.5), (0.0, 1.0))},
        {"transition": ((1.0,),)},
        {"transition": ((0.5, 0.5), (1.0,))},
        {"quantile": 1.5},
        {"warm_up": -1},
    ],
)
def test_settings_out_of_range_are_refused(learner, settings):
    with pytest.raises(UserError):
        learner(**settings)


@pytest.mark.parametrize("learner", BOTH)
def test_a_matrix_for_other_classes_is_refused(learner):
    three = tuple(map(tuple, torch.eye(3).tolist()))
    with pytest.raises(UserError, match="wanted 2 rows"):
        learner(ENCODER, transition=three).fit(noisy_blocks(0), TASK, 0)


def test_the_loss_alone_asks_for_the_matrix():
    data = noisy_blocks(0)
    learner = ForwardCorrection(ENCODER)
    with pytest.raises(UserError, match="needs a transition matrix"):
        learner.loss(learner.build(data, TASK, 0), data, TASK, torch.Generator())
