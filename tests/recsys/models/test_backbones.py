"""Backbones: sizes as published, formulas against slow ones, every field count that makes sense."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from graphforget.core.errors import UserError
from recsys.models import (
    DCN,
    FM,
    MLP,
    AutoInt,
    ClickModel,
    DCNv2,
    DeepFM,
    FiBiNET,
    Gate,
    WideDeep,
)
from recsys.models.blocks import dense_blocks, pairwise_sum
from recsys.table import Field

BACKBONES = (FM(), MLP(), WideDeep(), DeepFM(), DCN(), DCNv2(), FiBiNET(), AutoInt())
NAMES = [type(backbone).__name__ for backbone in BACKBONES]


@pytest.mark.parametrize(
    ("backbone", "at_22", "at_39"),
    [
        (MLP(), 3_185, 5_361),
        (FM(), 0, 0),
        (DeepFM(), 6_305, 10_657),
        (WideDeep(), 6_482, 10_970),
        (DCN(), 7_185, 12_217),
        (FiBiNET(), 134_037, 428_503),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int) else "",
)
def test_the_number_of_weights_is_the_published_one(backbone, at_22, at_39):
    for fields, wanted in ((22, at_22), (39, at_39)):
        network = backbone.build(fields, 8, seed=0)
        assert sum(weight.numel() for weight in network.parameters()) == wanted


@pytest.mark.parametrize("backbone", BACKBONES, ids=NAMES)
@pytest.mark.parametrize("fields", [1, 2, 5])
def test_every_backbone_answers_each_row_by_itself(backbone, fields):
    if isinstance(backbone, FiBiNET) and fields == 1:
        with pytest.raises(UserError, match="FiBiNET: wanted at least 2 fields.*k=2"):
            backbone.build(1, 4, seed=0)
        return
    network = backbone.build(fields, 4, seed=0).eval()
    e = torch.randn(6, fields, 4, generator=torch.Generator().manual_seed(0))
    together = network(e)
    assert together.shape == (6,)
    torch.testing.assert_close(together, torch.cat([network(row[None]) for row in e]))


@pytest.mark.parametrize("backbone", BACKBONES, ids=NAMES)
def test_the_seed_alone_decides_the_weights(backbone):
    def weights(seed):
        return list(backbone.build(3, 4, seed).parameters())

    state = torch.random.get_rng_state()
    first = weights(1)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(99)
    assert all(torch.equal(one, other) for one, other in zip(first, weights(1), strict=True))
    if first:
        assert any(not torch.equal(a, b) for a, b in zip(first, weights(2), strict=True))


@pytest.mark.parametrize("backbone", BACKBONES, ids=NAMES)
def test_every_weight_and_every_field_has_a_say(backbone):
    network = backbone.build(4, 4, seed=0)
    e = torch.randn(32, 4, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    torch.manual_seed(0)
    network(e).square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())
    assert (e.grad.abs().sum(dim=(0, 2)) > 0).all()


def test_the_pairwise_sum_is_the_sum_of_all_inner_products():
    e = torch.randn(5, 4, 3, dtype=torch.float64, requires_grad=True)
    slow = sum((e[:, i] * e[:, j]).sum(1) for i in range(4) for j in range(i))
    torch.testing.assert_close(pairwise_sum(e), slow)
    assert torch.autograd.gradcheck(pairwise_sum, e)
    assert torch.autograd.gradgradcheck(pairwise_sum, e)
    each = torch.func.vmap(torch.func.grad(lambda row: pairwise_sum(row[None]).sum()))(e.detach())
    (all_at_once,) = torch.autograd.grad(slow.sum(), e)
    torch.testing.assert_close(each, all_at_once)


def test_a_factorisation_machine_of_one_field_says_half():
    e = torch.randn(3, 1, 4, requires_grad=True)
    logit = FM().build(1, 4, seed=0)(e)
    assert torch.equal(logit, torch.zeros(3))
    logit.sum().backward()
    assert torch.equal(e.grad, torch.zeros_like(e))


def test_dcn_follows_its_equation():
    network = DCN(crosses=2).build(2, 3, seed=0).eval()
    with torch.no_grad():
        for cross in network.crosses:
            cross.bias.normal_()
    e = torch.randn(4, 2, 3)
    first = x = e.reshape(4, 6)
    for cross in network.crosses:
        x = first * (x @ cross.weight.weight[0])[:, None] + cross.bias + x
    wanted = network.output(torch.cat([x, network.deep(first)], dim=1))[:, 0]
    torch.testing.assert_close(network(e), wanted)


def test_dcn_v2_follows_its_equation():
    network = DCNv2(crosses=2).build(2, 3, seed=0).eval()
    e = torch.randn(4, 2, 3)
    first = x = e.reshape(4, 6)
    for cross in network.crosses:
        x = first * (x @ cross.matrix.weight.T + cross.matrix.bias) + x
    wanted = network.output(torch.cat([x, network.deep(first)], dim=1))[:, 0]
    torch.testing.assert_close(network(e), wanted)


def test_fibinet_multiplies_every_pair_by_its_own_matrix():
    network = FiBiNET().build(3, 2, seed=0)
    e = torch.randn(4, 3, 2)
    wanted = [
        (e[:, i] @ network.bilinear.matrices[pair].T.T) * e[:, j]
        for pair, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)])
    ]
    torch.testing.assert_close(torch.cat(network.bilinear(e), 1), torch.cat(wanted, 1))
    assert len({tuple(matrix.flatten().tolist()) for matrix in network.bilinear.matrices}) == 3


def test_fibinet_weighs_fields_by_their_means():
    squeeze = FiBiNET().build(4, 2, seed=0).squeeze
    e = torch.randn(5, 4, 2)
    first, second = squeeze.excite[0].weight, squeeze.excite[2].weight
    weight = torch.relu(torch.relu(e.mean(2) @ first.T) @ second.T)
    torch.testing.assert_close(squeeze(e), e * weight[:, :, None])


def test_autoint_attends_as_in_the_paper():
    layer = AutoInt(heads=2, units=4).build(3, 4, seed=0).layers[0]
    e = torch.randn(1, 3, 4)
    query, key, value, residual = (e[0] @ part.T for part in layer.projections.weight.split(4))
    heads = []
    for head in (slice(0, 2), slice(2, 4)):
        attention = torch.softmax(query[:, head] @ key[:, head].T, dim=1)
        heads.append(attention @ value[:, head])
    torch.testing.assert_close(layer(e)[0], torch.relu(torch.cat(heads, 1) + residual))
    with pytest.raises(UserError, match="units that 3 heads divide"):
        AutoInt(heads=3)


def test_dropout_drops_the_share_it_is_told_and_keeps_the_mean():
    dropout = dense_blocks(2, (2,), 0.2)[3].train()
    x = torch.ones(100_000)
    torch.manual_seed(0)
    dropped = dropout(x)
    assert abs(float((dropped == 0).float().mean()) - 0.2) < 0.01
    assert sorted(set(dropped.tolist())) == pytest.approx([0, 1.25])
    assert torch.equal(dropout.eval()(x), x)


def test_a_model_is_embedding_then_gate_then_backbone():
    class Half(Gate):
        def forward(self, e, ids):
            assert ids.shape == (2, 2)
            return e / 2

    fields = [Field("user", 4), Field("item", 6)]
    ids = torch.tensor([[1, 5], [0, 0]])
    plain = ClickModel.of(fields, FM(), 4, seed=0)
    halved = ClickModel.of(fields, FM(), 4, seed=0, gate=Half())
    torch.testing.assert_close(halved(ids), plain(ids) / 4)
    assert isinstance(plain.gate, Gate) and isinstance(plain.backbone, nn.Module)


def test_no_fields_and_no_width_are_refused():
    with pytest.raises(UserError, match="MLP: wanted at least 1 field"):
        MLP().build(0, 8, seed=0)


@pytest.mark.parametrize("wrong", [{"hidden": (0,)}, {"hidden": (8, -1)}, {"dropout": 1.0},
                                   {"dropout": -0.1}, {"dropout": float("nan")}])  # fmt: skip
@pytest.mark.parametrize("kind", [MLP, WideDeep, DeepFM, DCN, DCNv2, FiBiNET])
def test_sizes_that_are_none_are_refused(kind, wrong):
    with pytest.raises(UserError, match="hidden sizes from 1 and a dropout from 0 and below 1"):
        kind(**wrong).build(3, 4, seed=0)


def test_a_reduction_by_nothing_is_refused():
    with pytest.raises(UserError, match="FiBiNET: wanted a reduction from 1, got 0"):
        FiBiNET(reduction=0)


def test_a_single_row_trains_by_the_running_statistics():
    blocks = dense_blocks(3, (4,), 0.0)
    blocks(torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 5)
    row, running = torch.ones(1, 3), blocks[1].running_var.clone()
    trained = blocks(row)
    trained.sum().backward()
    assert blocks[0].weight.grad.isfinite().all()
    assert torch.equal(blocks[1].running_var, running)
    assert torch.equal(trained, blocks.eval()(row))
