"""Co-teaching: the schedule, the exchange, and that wrong labels are left out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from graphforget.core.errors import UserError
from graphforget.learn import CoTeaching
from graphforget.learn.robust.co_teaching import PEER, small_losses
from tests.learn.robust.noisy import ENCODER, SYMMETRIC, TASK, accuracies, gain, noisy_blocks


def test_the_share_remembered_falls_to_the_share_of_right_labels_and_stays_there():
    learner = CoTeaching(rate=0.3, ramp=4)
    shares = [learner.remembered(epoch) for epoch in (1, 2, 4, 200)]
    assert shares == pytest.approx([0.925, 0.85, 0.7, 0.7])


def test_at_least_one_node_is_trained_on_where_there_is_one():
    assert small_losses(torch.tensor([2.0, 1.0]), 0.1).tolist() == [1]
    assert small_losses(torch.zeros(0), 0.5).numel() == 0


def test_each_network_steps_on_what_the_other_finds_easy():
    """Two epochs against the algorithm written out by hand."""
    data = noisy_blocks(seed=0)
    learner = CoTeaching(ENCODER, epochs=2, ramp=2, rate=0.4)
    items = TASK.train_items(data)
    nets = [learner.build(data, TASK, seed).train() for seed in (3, 3 + PEER)]
    optimizers = [learner.optimizer(net.parameters()) for net in nets]
    for epoch in (1, 2):
        keep = int((1 - 0.4 * epoch / 2) * items.numel())
        losses = [
            F.cross_entropy(net(data.x, data.edge_index)[items], data.y[items], reduction="none")
            for net in nets
        ]
        easy = [loss.detach().argsort(stable=True)[:keep] for loss in losses]
        for optimizer, loss, chosen in zip(optimizers, losses, reversed(easy), strict=True):
            optimizer.zero_grad()
            loss[chosen].mean().backward()
            optimizer.step()
    trained = learner.fit(data, TASK, seed=3)
    for ours, theirs in zip(trained.model.parameters(), nets[0].parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_wrong_labels_are_left_out_and_accuracy_gains():
    assert gain(CoTeaching(ENCODER)) > 0.05
    assert gain(CoTeaching(ENCODER), SYMMETRIC) > 0.03
    assert min(accuracies(CoTeaching(ENCODER), SYMMETRIC)) > 0.95
    data = noisy_blocks(seed=0, matrix=SYMMETRIC)
    learner = CoTeaching(ENCODER)
    trained = learner.fit(data, TASK, 0)
    items = TASK.train_items(data)
    with torch.no_grad():
        losses = TASK.example_loss(TASK.logits(trained.model, data, items), data, items)
    easy = items[small_losses(losses, 0.7)]
    wrong = data.y != data.clean
    assert float(wrong[easy].float().mean()) < 0.1 < float(wrong[items].float().mean())


@pytest.mark.slow
def test_batches_exchange_too():
    learner = CoTeaching(ENCODER, batch_nodes=60, epochs=60, ramp=10)
    assert min(accuracies(learner, SYMMETRIC)) > 0.95


def test_going_on_takes_ones_own_small_losses():
    data = noisy_blocks(seed=0)
    learner = CoTeaching(ENCODER, rate=0.5)
    model = learner.build(data, TASK, 0)
    items = TASK.train_items(data)
    losses = TASK.example_loss(TASK.logits(model, data, items), data, items)
    wanted = losses.sort().values[:50].mean()
    got = learner.objective(data, TASK, 0)(model, torch.Generator())
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("settings", [{"rate": 1.0}, {"rate": -0.1}, {"ramp": 0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UserError):
        CoTeaching(**settings)
