"""Label smoothing, GCE and APL: the formulas, and that wrong labels weigh less."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from graphforget.core.errors import UserError
from graphforget.learn import APL, GCE, LabelSmoothing, TruncatedGCE
from graphforget.learn.robust.apl import normalised_focal_loss, reverse_cross_entropy
from graphforget.learn.robust.gce import generalised_cross_entropy
from graphforget.learn.robust.truncated_gce import believed
from tests.learn.robust.noisy import ENCODER, SYMMETRIC, TASK, accuracies, gain, noisy_blocks
from tests.learn.robust.noisy import random_answers as answers

SHORT = {"encoder": ENCODER, "epochs": 30}


def test_smoothing_is_cross_entropy_to_the_mixed_target():
    logits, labels = answers()
    target = 0.8 * F.one_hot(labels, 4) + 0.2 / 4
    wanted = -(target * logits.log_softmax(1)).sum(1)
    torch.testing.assert_close(LabelSmoothing(smoothing=0.2).node_loss(logits, labels), wanted)


def test_gce_goes_from_cross_entropy_to_absolute_error():
    logits, labels = answers()
    p = logits.softmax(1)
    near = generalised_cross_entropy(logits, labels, q=1e-9)
    torch.testing.assert_close(near, F.cross_entropy(logits, labels, reduction="none"))
    far = generalised_cross_entropy(logits, labels, q=1.0)
    torch.testing.assert_close(far, (p - F.one_hot(labels, 4)).abs().sum(1) / 2)
    middle = (1 - p.gather(1, labels[:, None])[:, 0] ** 0.7) / 0.7
    torch.testing.assert_close(generalised_cross_entropy(logits, labels), middle)


def test_the_gradient_of_gce_is_that_of_cross_entropy_times_belief():
    logits, labels = answers()
    leaf = logits.requires_grad_()
    (gce,) = torch.autograd.grad(generalised_cross_entropy(leaf, labels, 0.7).sum(), leaf)
    (plain,) = torch.autograd.grad(F.cross_entropy(leaf, labels, reduction="sum"), leaf)
    belief = leaf.detach().softmax(1).gather(1, labels[:, None]) ** 0.7
    torch.testing.assert_close(gce, belief * plain)


@pytest.mark.parametrize("focus", [0.0, 0.5])
def test_normalised_losses_of_all_labels_sum_to_one(focus):
    logits, labels = answers()
    every = [normalised_focal_loss(logits, torch.full_like(labels, k), focus) for k in range(4)]
    torch.testing.assert_close(sum(every), torch.ones(7, dtype=torch.float64))
    p = logits.softmax(1)
    focal = -((1 - p) ** focus) * p.log()
    wanted = focal.gather(1, labels[:, None])[:, 0] / focal.sum(1)
    torch.testing.assert_close(normalised_focal_loss(logits, labels, focus), wanted)


def test_the_passive_loss_is_the_absolute_error_and_the_losses_of_all_labels_are_constant():
    logits, labels = answers()
    error = (logits.softmax(1) - F.one_hot(labels, 4)).abs().sum(1)
    torch.testing.assert_close(reverse_cross_entropy(logits, labels, -2.0), error)
    every = [reverse_cross_entropy(logits, torch.full_like(labels, k)) for k in range(4)]
    torch.testing.assert_close(sum(every), torch.full((7,), 12.0, dtype=torch.float64))


@pytest.mark.parametrize("learner", [GCE(), APL(), APL(focus=0.5), LabelSmoothing()])
def test_answers_beyond_doubt_have_a_finite_loss_and_gradient(learner):
    logits = torch.tensor([[500.0, -500.0], [500.0, -500.0]], requires_grad=True)
    losses = learner.node_loss(logits, torch.tensor([0, 1]))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize(
    "learner, least",
    [
        (LabelSmoothing(ENCODER, smoothing=0.5), 0.0),
        (GCE(ENCODER), 0.0),
        (APL(ENCODER), 0.02),
        (TruncatedGCE(ENCODER), 0.03),
    ],
    ids=lambda value: type(value).__name__,
)
def test_robust_losses_beat_cross_entropy_on_the_planted_graph(learner, least):
    assert gain(learner, SYMMETRIC) > least


def test_truncation_leaves_wrong_labels_out_for_good():
    """At 40% of one class's labels wrong, nearly no wrong label is still believed."""
    data = noisy_blocks(seed=0)
    trained = TruncatedGCE(ENCODER).fit(data, TASK, 0)
    items = TASK.train_items(data)
    with torch.no_grad():
        trusted = believed(TASK.logits(trained.model, data, items), data.y[items], 0.5)
    wrong = data.y[items] != data.clean[items]
    assert float(trusted[wrong].float().mean()) < 0.1 < 0.9 < float(trusted[~wrong].float().mean())
    assert min(accuracies(TruncatedGCE(ENCODER))) > 0.95


def test_truncation_that_never_begins_is_plain_gce():
    data = noisy_blocks(seed=1)
    plain = GCE(**SHORT).fit(data, TASK, 0).model
    late = TruncatedGCE(**SHORT, prune_from=30).fit(data, TASK, 0).model
    early = TruncatedGCE(**SHORT, prune_from=5).fit(data, TASK, 0).model
    weights = [[p for p in model.parameters()] for model in (plain, late, early)]
    assert all(torch.equal(a, b) for a, b in zip(weights[0], weights[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights[0], weights[2], strict=True))


@pytest.mark.parametrize(
    "build",
    [
        lambda: LabelSmoothing(smoothing=1.0),
        lambda: GCE(q=0.0),
        lambda: GCE(q=1.5),
        lambda: APL(alpha=0.0, beta=0.0),
        lambda: APL(beta=-1.0),
        lambda: APL(log_zero=0.0),
        lambda: TruncatedGCE(threshold=1.0),
        lambda: TruncatedGCE(prune_every=0),
        lambda: GCE(epochs=0),
    ],
)
def test_settings_out_of_range_are_refused(build):
    with pytest.raises(UserError):
        build()
