"""AdaFS and MvFS: weights that differ from row to row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graphforget.core.errors import UserError
from recsys.models import ClickModel, DeepFM
from recsys.select.ada_fs import BENCHMARK, ORIGINAL, AdaFS, AdaFSGate, AdaFSHard
from recsys.select.mean_weights import mean_weights
from recsys.select.mv_fs import MvFS, MvFSGate
from recsys.table import Part, planted_table

E = torch.randn(64, 6, 4, generator=torch.Generator().manual_seed(0))
IDS = torch.zeros(64, 6, dtype=torch.long)


def gate_of(setting: AdaFS) -> AdaFSGate:
    torch.manual_seed(0)
    return AdaFSGate(6, 4, setting)


@pytest.mark.parametrize("setting", [AdaFS(), ORIGINAL, AdaFSHard(), BENCHMARK])
def test_the_weights_of_a_row_sum_to_one_and_multiply_its_vectors(setting):
    gate = gate_of(setting).eval()
    weights = gate.weights(E)
    assert torch.allclose(weights.sum(1), torch.ones(64))
    assert torch.equal(gate(E, IDS), E * weights[:, :, None])
    assert not torch.allclose(weights[0], weights[1])  # each row has its own


def test_the_hard_variant_lets_as_many_through_in_every_row():
    for keep, number in ((0.5, 3), (0.01, 1), (1.0, 6)):
        weights = gate_of(AdaFSHard(keep=keep)).eval().weights(E)
        assert ((weights > 0).sum(1) == number).all()
    with pytest.raises(UserError, match="keep above 0"):
        AdaFSHard(keep=0.0)


def test_the_controller_is_live():
    gate = gate_of(AdaFS())
    gate(E, IDS)[:, 0].sum().backward()
    assert all(weight.grad is not None for weight in gate.parameters())
    assert gate.controller[-1].weight.grad.abs().min() > 0


def test_the_benchmarks_controller_ends_in_a_relu_under_which_fields_share_the_least_weight():
    def tied(setting: AdaFS) -> float:
        weights = gate_of(setting).weights(E)
        least = weights.min(1, keepdim=True).values
        return float((weights == least).float().mean() - 1 / 6)

    assert tied(AdaFS()) == pytest.approx(0) and tied(BENCHMARK) > 0.2


def test_everything_passes_while_the_network_is_pretrained():
    gate = gate_of(AdaFS(pretrain_epochs=2))
    for epoch, passes in ((0, True), (1, True), (2, False)):
        if epoch:
            gate.after_epoch(epoch)
        assert torch.equal(gate(E, IDS), E) == passes


def test_scores_are_the_mean_weights_of_the_validation_rows():
    table = planted_table(200, seed=1).table
    model = ClickModel.of(table.fields, DeepFM(), 4, 0, AdaFSGate(table.num_fields, 4, AdaFS()))
    scores = mean_weights(model, model.gate, table)
    model.eval()
    weights = model.gate.weights(model.embedding(table.take(table.rows(Part.VAL))))
    assert np.allclose(scores, weights.mean(0).detach(), atol=1e-6)


def test_every_weight_of_mvfs_is_initialised_and_learns():
    torch.manual_seed(0)
    gate = MvFSGate(6, 4, MvFS())
    weights = gate.weights(E)
    assert ((weights > 0) & (weights < 1)).all()
    (weights[:, 0].sum() - weights[:, 1].sum()).backward()
    assert all(weight.isfinite().all() and weight.grad.any() for weight in gate.parameters())


def test_mvfs_decides_more_sharply_as_it_goes_on():
    torch.manual_seed(0)
    gate = MvFSGate(6, 4, replace(MvFS(), threshold=1 / 6, steepening=50.0)).eval()
    early = gate.weights(E)
    gate.after_step()
    late = gate.weights(E)
    assert ((late - 0.5).abs() >= (early - 0.5).abs()).all()


def test_presets_differ():
    assert len({AdaFS(), BENCHMARK, ORIGINAL}) == 3
