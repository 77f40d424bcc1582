"""AutoField: draws that mean what they should, and an evaluation that draws nothing."""

from __future__ import annotations

import torch
from torch import Generator

from recsys.select.auto_field import BENCHMARK, ORIGINAL, AutoField, AutoFieldGate, gumbel_gate


def test_cold_draws_are_zero_or_one_and_right_on_average():
    logits = torch.tensor([[0.0, 1.0], [0.5, 0.0], [0.3, 0.3]])
    generator = Generator().manual_seed(0)
    noise = -torch.empty(4000, 3, 2).exponential_(generator=generator).log()
    draws = torch.stack([gumbel_gate(logits, 0.01, each) for each in noise])
    assert ((draws < 0.01) | (draws > 0.99)).float().mean() > 0.97
    assert torch.allclose(draws.mean(0), torch.softmax(logits, 1)[:, 1], atol=0.03)


def test_evaluation_draws_nothing_but_in_the_benchmark():
    e, ids = torch.ones(2, 3, 4), torch.zeros(2, 3, dtype=torch.long)
    gate = AutoFieldGate(3, AutoField())
    assert not torch.equal(gate(e, ids), gate(e, ids))
    gate.eval()
    assert torch.equal(gate(e, ids), torch.full_like(e, 0.5))
    published = AutoFieldGate(3, BENCHMARK).eval()
    assert not torch.equal(published(e, ids), published(e, ids))


def test_one_draw_a_batch():
    out = AutoFieldGate(3, AutoField())(torch.ones(5, 3, 4), torch.zeros(5, 3, dtype=torch.long))
    assert torch.equal(out[0], out[4]) and not torch.equal(out[0, 0], out[0, 1])


def test_the_temperature_falls_by_steps_to_the_floor():
    gate = AutoFieldGate(1, AutoField(temperature=0.5, cooling=0.2, coldest=0.05))
    seen = []
    for _ in range(4):
        gate.after_step()
        seen.append(round(gate.temperature.item(), 3))
    assert seen == [0.3, 0.1, 0.05, 0.05]


def test_presets_differ():
    assert len({AutoField(), BENCHMARK, ORIGINAL}) == 3
