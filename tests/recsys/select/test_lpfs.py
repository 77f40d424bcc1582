"""LPFS: a threshold that a gradient can be weighed against, and exact zeros."""

from __future__ import annotations

import numpy as np
import torch

from recsys.select.lpfs import BENCHMARK, LPFS, ORIGINAL, LPFSGate, smooth_presence, soft_threshold


def test_the_gate_is_odd_and_tends_to_the_sign():
    x = torch.linspace(-2, 2, 9)
    assert torch.allclose(smooth_presence(-x, 0.1, 10.0), -smooth_presence(x, 0.1, 10.0))
    assert torch.allclose(smooth_presence(x, 1e-12, 10.0), x.sign(), atol=1e-4)


def test_a_dropped_field_still_feels_the_loss():
    x = torch.zeros(1, requires_grad=True)
    smooth_presence(x, 0.1, 10.0).backward()
    assert x.grad.item() > 1
    x.grad = None
    smooth_presence(x, 0.1, 0.0).backward()
    assert x.grad.item() == 0  # plain LPFS: once dropped, dropped for good


def test_the_threshold_is_the_proximal_step():
    """It minimises ``(z - x)^2 / 2 + t |z|``."""
    x, z = torch.tensor([-0.7, 0.1, 0.4]), torch.linspace(-1, 1, 20001)
    cost = (z[None] - x[:, None]).square() / 2 + 0.25 * z.abs()
    assert torch.allclose(soft_threshold(x, 0.25), z[cost.argmin(1)], atol=1e-4)


def steps(setting: LPFS, slope: float, number: int = 400) -> LPFSGate:
    """Two fields, the second of which lowers the loss by so much for each unit of its gate."""
    gate = LPFSGate(2, setting)
    optimizer = gate.own_optimizer(list(gate.parameters()))
    for _ in range(number):
        optimizer.zero_grad()
        out = gate(torch.ones(1, 2, 1), torch.zeros(1, 2, dtype=torch.long)).flatten()
        (-slope * out[1] + 0.0 * out[0]).backward()
        optimizer.step()
        gate.after_step()
    return gate


def test_a_field_that_does_nothing_is_dropped_and_one_that_earns_its_keep_is_not():
    x = steps(LPFS(), slope=0.05).x.detach()
    assert x[0] == 0 and x[1] > 1


def test_the_benchmarks_threshold_drops_nothing():
    gate = steps(BENCHMARK, slope=0.05)
    assert (gate.x > 0.99).all()


def test_what_fell_first_ranks_last_and_signs_do_not_count():
    gate = LPFSGate(4, LPFS())
    with torch.no_grad():
        gate.x.copy_(torch.tensor([0.0, -2.0, 0.0, 0.5]))
    gate.steps.fill_(10)
    gate.last_alive.copy_(torch.tensor([3, 10, 7, 10]))
    assert np.argsort(-gate.scores()).tolist() == [1, 3, 2, 0]


def test_epsilon_falls_with_training_steps_only():
    gate = LPFSGate(1, LPFS(decay_every=2, decay=0.5))
    e, ids = torch.ones(1, 1, 1), torch.zeros(1, 1, dtype=torch.long)
    gate.eval()(e, ids)
    for _ in range(4):
        gate.after_step()
    assert torch.isclose(gate.epsilon, torch.tensor(0.1 / 4))


def test_presets_differ():
    assert len({LPFS(), BENCHMARK, ORIGINAL}) == 3
