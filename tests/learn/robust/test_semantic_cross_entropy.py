"""Cross-entropy on semantic labels: the warm-up, whose labels count, and that it helps."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import pytest
import torch
import torch.nn.functional as F

from graphforget.core.errors import UserError
from graphforget.learn import CrossEntropy, SemanticCrossEntropy, SemanticLabels
from graphforget.learn.robust.semantic_cross_entropy import hidden_layer
from graphforget.learn.semantic import hard_labels
from graphforget.nn import GAT, GCN
from tests.learn.robust.noisy import ENCODER, SYMMETRIC, TASK, accuracies, gain, noisy_blocks


def weights(model):
    return [parameter.detach() for parameter in model.parameters()]


def test_the_warm_up_is_plain_training():
    data = noisy_blocks(seed=0)
    plain = CrossEntropy(ENCODER, epochs=8).fit(data, TASK, 0).model
    warm = SemanticCrossEntropy(ENCODER, epochs=8, warm_up=8).fit(data, TASK, 0).model
    past = SemanticCrossEntropy(ENCODER, epochs=8, warm_up=7).fit(data, TASK, 0).model
    assert all(torch.equal(a, b) for a, b in zip(weights(plain), weights(warm), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(plain), weights(past), strict=True))


@pytest.mark.parametrize("encoder", [GCN(16, dropout=0.5), GAT(16), GCN(16, layers=1)])
def test_a_step_is_cross_entropy_of_all_nodes_with_the_labels_of_the_hidden_layer(encoder):
    data = noisy_blocks(seed=0)
    learner = SemanticCrossEntropy(encoder)
    model = learner.build(data, TASK, 0).train()
    z = hidden_layer(model, data, TASK)
    assert model.training and not z.requires_grad and bool((z >= 0).all())
    lengths = z.norm(dim=1)
    assert bool(((lengths - 1).abs() < 1e-5).logical_or(lengths == 0).all())
    made = SemanticLabels()
    matrix = made.operator.matrix(data.edge_index, 200)
    target = hard_labels(made(z, made.structural(data, 2), matrix))
    torch.manual_seed(0)
    wanted = F.cross_entropy(model(data.x, data.edge_index), target)
    torch.manual_seed(0)
    got = learner.objective(data, TASK, 0)(model, torch.Generator())
    torch.testing.assert_close(got, wanted)


def test_validation_and_test_labels_are_not_read():
    data = noisy_blocks(seed=0)
    other = data.clone()
    other.y = torch.where(data.train_mask, data.y, 1 - data.y)
    learner = SemanticCrossEntropy(ENCODER, epochs=40)
    first, second = (learner.fit(each, TASK, 0).model for each in (data, other))
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


@pytest.mark.slow
def test_it_beats_cross_entropy_on_the_given_labels():
    learner = SemanticCrossEntropy(ENCODER)
    assert gain(learner, SYMMETRIC) > 0.03
    assert mean(accuracies(replace(learner, averaged=0.9), SYMMETRIC)) > 0.95


def test_batches_take_the_labels_of_their_nodes():
    learner = SemanticCrossEntropy(ENCODER, batch_nodes=60, epochs=60, warm_up=10)
    assert mean(accuracies(learner, SYMMETRIC)) > 0.95


def test_sparse_features_are_multiplied_sparse():
    data = noisy_blocks(seed=0)
    data.x = torch.eye(200)
    learner = SemanticCrossEntropy(ENCODER, epochs=40)
    assert learner.inputs(data).x.layout == torch.sparse_csr
    assert torch.isfinite(learner.fit(data, TASK, 0).response(torch.arange(200))).all()


@pytest.mark.parametrize("settings", [{"warm_up": -1}, {"averaged": 1.0}, {"averaged": -0.1}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UserError):
        SemanticCrossEntropy(**settings)
