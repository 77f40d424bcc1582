"""OptFS: values that do not pay are dropped, steps cost what a batch holds, a start is a rewind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graphforget.core.errors import UserError
from recsys.learn import ClickTraining
from recsys.models import DeepFM
from recsys.select import OptFS
from recsys.select.opt_fs import BENCHMARK, ORIGINAL, occurrences
from recsys.select.value_gate import AdamStep, OptFSGate, RarityStep, ValueMask, value_gate
from recsys.table import ClickTable, Field, Kind, Part, planted_table

QUICK = ClickTraining(epochs=8, patience=2, batch_size=64, learning_rate=0.005)


def gate_of(step):
    """On 10 rows of two fields."""
    times = np.array([0, 2, 6, 1, 1, 0, 5, 5, 0])
    return OptFSGate([Field("a", 5), Field("b", 4)], times, 10, OptFS(step=step), total_steps=100)


IDS = torch.tensor([[2, 1], [2, 2], [1, 1], [2, 2]])
"""Of both fields, four rows."""


def descended(step, number: int = 1) -> OptFSGate:
    """Steps on a loss that falls by one where a gate of the first field opens by one."""
    gate = gate_of(step)
    optimizer = gate.own_optimizer(list(gate.parameters()))
    for _ in range(number):
        optimizer.zero_grad()
        loss = -gate(torch.ones(4, 2, 1), IDS)[:, 0].mean()
        (loss if (cost := gate.penalty()) is None else loss + cost).backward()
        optimizer.step()
        gate.after_step()
    return gate


def test_a_step_names_only_the_values_of_the_batch():
    gate = descended(RarityStep(penalty=0.0))
    assert gate.mask.grad.is_sparse
    assert set(gate.mask.grad.coalesce().indices()[0].tolist()) == {1, 2, 6, 7}
    moved = (gate.mask != 0.5).squeeze(1)
    assert moved.nonzero().flatten().tolist() == [1, 2]  # the second field has no slope


def test_rare_values_move_as_far_as_frequent_ones_over_the_rows():
    """Value 1 is in 2 of 10 rows, value 2 in 6: in a batch with 1 and 3 of 4 they are alike."""
    moved = descended(RarityStep(penalty=0.0)).mask.detach().squeeze(1) - 0.5
    slope = torch.sigmoid(torch.tensor(0.5)).item() * (1 - torch.sigmoid(torch.tensor(0.5))).item()
    slope /= torch.sigmoid(torch.tensor(0.5)).item()
    assert moved[1].item() == pytest.approx(slope * 1 / 4 * 10 / 2, rel=1e-4)
    assert moved[2].item() == pytest.approx(slope * 3 / 4 * 10 / 6, rel=1e-4)


def test_a_penalty_taken_seldom_is_worth_the_same():
    def after(every: int) -> torch.Tensor:
        gate = gate_of(RarityStep(penalty=1e-3, every=every))
        for _ in range(20):
            gate.after_step()
        return gate.mask.detach().squeeze(1)

    often, seldom = after(1), after(10)
    assert torch.allclose(often, seldom, atol=1e-4) and (often[1] < 0.5)
    assert often[[0, 5, 8]].tolist() == [0.5] * 3  # unseen values cost nothing and stay
    assert often[3] < often[2]  # as much for one row in ten as for six


def test_both_steps_descend_on_the_published_loss():
    """Adam's first step has the sign of the loss's slope, the penalty's where there is no other."""
    gate = descended(AdamStep(learning_rate=0.1, penalty=1e-3))
    moved = gate.mask.detach().squeeze(1) - 0.5
    assert moved[[1, 2]].min() > 0.09 and moved[[0, 3, 4, 5, 6, 7, 8]].max() < -0.09


def test_the_gate_ends_open_or_shut():
    mask = torch.tensor([-0.01, 0.01])
    assert torch.allclose(value_gate(mask, 5e3).round(decimals=3), torch.tensor([0.0, 1.607]))


def test_a_multi_valued_field_takes_the_mean_of_its_values():
    fields = (Field("a", 3), Field("m", 4, Kind.MULTI, width=2))
    gate = ValueMask(fields, torch.tensor([0, 1, 0, 0, 1, 0, 1], dtype=torch.bool))
    ids = torch.tensor([[1, 1, 0], [2, 1, 2], [1, 3, 1], [1, 0, 0]])
    out = gate(torch.ones(4, 2, 1), ids).squeeze(2)
    assert out.tolist() == [[1, 1], [0, 0.5], [1, 1], [1, 0]]
    assert gate.kept_shares() == [pytest.approx(1 / 3), 0.5]


def test_occurrences_are_counted_a_field_after_the_other():
    table = ClickTable.from_arrays(
        "t", {"a": [1, 2, 2], "m": [[1, 0], [2, 1], [3, 3]]}, label=[0, 1, 1], part=[0, 0, 2]
    )
    assert occurrences(table, table.rows(Part.TRAIN)).tolist() == [0, 1, 1, 1, 2, 1, 0]


@pytest.fixture(scope="module")
def found():
    planted = planted_table(3000, relevant=2, redundant=0, irrelevant=2, seed=1)
    search = OptFS(training=QUICK, steps=250)
    return planted, search.select(planted.table, DeepFM(), seed=0)


def test_values_of_noise_are_pruned_at_the_default(found):
    planted, selection = found
    kept = dict(zip(selection.fields, selection.gate.kept_shares(), strict=True))
    assert all(kept[name] < 0.25 for name in planted.irrelevant)
    assert all(kept[name] > 0.25 for name in planted.relevant)


def test_the_network_that_answers_does_not_see_dropped_values(found):
    planted, selection = found
    model, table = selection.model.model, planted.table
    ids = table.take(table.rows(Part.VAL))
    before, kept = model(ids), model.gate.kept
    weight = model.embedding.weight.detach().clone()
    with torch.no_grad():
        try:
            model.embedding.weight[~kept] = 100.0
            assert torch.equal(model(ids), before)
            model.embedding.weight[kept] += 1.0
            assert not torch.equal(model(ids), before)
        finally:
            model.embedding.weight.copy_(weight)


def test_the_benchmarks_short_search_prunes_nothing():
    table = planted_table(600, relevant=1, redundant=0, irrelevant=1, seed=1).table
    gate = replace(BENCHMARK, training=QUICK).select(table, DeepFM(), seed=0).gate
    seen = torch.as_tensor(occurrences(table, table.rows(Part.TRAIN)) > 0)
    assert torch.equal(gate.kept, seen)


def test_the_answering_network_starts_from_the_embedding_of_the_rewind(monkeypatch):
    """Fresh for 0, else as large as it was after that epoch."""
    table = planted_table(400, relevant=1, redundant=0, irrelevant=1, seed=1).table
    starts = {}
    again = OptFS.again

    def watch(self, table, backbone, seed, kept, searched, rewound):
        starts[self.rewind] = rewound, searched.embedding.weight.detach().clone()
        return again(self, table, backbone, seed, kept, searched, rewound)

    monkeypatch.setattr(OptFS, "again", watch)
    for rewind in (0, 1, 4):
        search = OptFS(training=replace(QUICK, epochs=4), steps=1, rewind=rewind)
        search.select(table, DeepFM(), seed=3)
    fresh, early, last = (starts[rewind][0] for rewind in (0, 1, 4))
    sizes = [each.square().mean().sqrt().item() for each in (fresh, early, last)]
    assert sizes[0] == pytest.approx(0.01, rel=0.2) and sizes[0] < sizes[1] < sizes[2]


def test_nonsense_is_refused_and_presets_differ():
    with pytest.raises(UserError, match="2 stairs"):
        OptFS(stairs=1)
    assert len({OptFS(), BENCHMARK, ORIGINAL}) == 3
