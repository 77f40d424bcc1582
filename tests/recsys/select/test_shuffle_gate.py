"""ShuffleGate: fields keep their values and lose their ties; gates end at one end or the other."""

from __future__ import annotations

from dataclasses import replace

import torch

from recsys.learn import ClickTraining
from recsys.models import DeepFM
from recsys.select.shuffle_gate import ORIGINAL, ShuffleGate, ShuffleGateGate, mix, shuffled
from recsys.table import planted_table

IDS = torch.zeros(50, 2, dtype=torch.long)


def test_a_shuffled_field_has_the_same_values_and_another_order_than_its_neighbour():
    e = torch.arange(100.0).view(50, 2, 1)
    out = shuffled(e, torch.rand(50, 2).argsort(0))
    assert torch.equal(out.sort(0).values, e)
    assert not torch.equal(out[:, 0] + 1, out[:, 1])  # rows were torn apart


def test_no_gradient_reaches_the_other_row():
    e = torch.randn(4, 2, 3, requires_grad=True)
    mix(e, e.flip(0), torch.tensor([1.0, 0.25])).sum().backward()
    assert torch.equal(e.grad, torch.tensor([1.0, 0.25])[:, None].expand(4, 2, 3))


def test_evaluation_does_not_depend_on_the_batch():
    gate, e = ShuffleGateGate(2, 1, ShuffleGate(start=0.0)), torch.randn(50, 2, 1)
    for _ in range(100):
        gate(e, IDS)
    gate.eval()
    assert torch.equal(gate(e, IDS)[:7], gate(e[:7], IDS[:7]))
    assert torch.allclose(gate.average, e.mean(0), atol=1e-3)
    assert torch.allclose(gate(e, IDS), (e + gate.average) / 2)


def test_gates_polarise_with_the_search():
    planted = planted_table(2000, relevant=2, redundant=0, irrelevant=2, seed=3)
    training = ClickTraining(epochs=12, batch_size=128, learning_rate=0.01)
    search = ShuffleGate(training=training, gate_learning_rate=0.1, penalty=0.1)
    found = search.select(planted.table, DeepFM(), seed=0)
    opened = dict(zip(found.fields, found.gate.openness().tolist(), strict=True))
    assert all(opened[name] > 0.8 for name in planted.relevant)
    assert all(opened[name] < 0.01 for name in planted.irrelevant)


def test_the_penalty_alone_shuts_a_gate():
    setting = ShuffleGate(gate_learning_rate=0.1)
    gate = ShuffleGateGate(2, 1, setting)
    optimizer = gate.own_optimizer(list(gate.parameters()))
    for _ in range(60):
        optimizer.zero_grad()
        gate.penalty().backward()
        optimizer.step()
    assert (gate.openness() < 0.05).all()
    free = ShuffleGateGate(2, 1, replace(setting, penalty=0.0))
    free.penalty().backward()
    assert not free.theta.grad.any()


def test_presets_differ():
    assert ORIGINAL != ShuffleGate()
