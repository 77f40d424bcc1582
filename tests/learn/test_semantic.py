"""Prototypes and similarity against plain loops, and labels that are put right."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Data

from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from graphforget.learn.operators import ColumnNormalised, RowNormalised, Symmetric
from graphforget.learn.semantic import SemanticLabels, hard_labels, prototypes, similarity

LARGE = SemanticLabels(
    alpha=0.5, steps=50, anchor=True, operator=Symmetric(), within=False, softmax=False,
    seeds_only=True,
)


def soft(labels, data, z, num_classes=3):
    matrix = labels.operator.matrix(data.edge_index, data.num_nodes)
    return labels(z, labels.structural(data, num_classes), matrix)


def test_prototypes_are_means_of_their_nodes():
    z = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(20) % 5 - 1  # -1 to 3, so class 4 has no node
    found, present = prototypes(z, labels, 5)
    for label in range(4):
        torch.testing.assert_close(found[label], z[labels == label].mean(0))
    assert present.tolist() == [True] * 4 + [False] and not found[4].any()


def test_similarity_is_the_absolute_cosine():
    generator = torch.Generator().manual_seed(0)
    z, centres = torch.randn(9, 4, generator=generator), torch.randn(3, 4, generator=generator)
    wanted = F.cosine_similarity(z[:, None], centres[None], dim=-1).abs()
    torch.testing.assert_close(similarity(z, centres), wanted)
    z[2], centres[1] = 0, 0
    found = similarity(z, centres)
    assert not found[2].any() and not found[:, 1].any() and found[0, 0] > 0


def test_the_steps_of_the_small_path_in_plain_algebra(tiny_graph):
    """Spec 1.3, read aloud."""
    z = torch.rand(60, 5, generator=torch.Generator().manual_seed(0))
    labels = SemanticLabels(beta=0.7, steps=2)
    y0 = labels.structural(tiny_graph, 3)
    c = y0.argmax(1)
    centres = torch.stack([z[tiny_graph.train_mask & (c == k)].mean(0) for k in range(3)])
    s = F.cosine_similarity(z[:, None], centres[None], dim=-1)
    y = (0.7 * y0 + 0.3 * s).softmax(1)
    dense = torch.zeros(60, 60)
    dense[tiny_graph.edge_index[1], tiny_graph.edge_index[0]] = 1
    for _ in range(2):
        y = 0.4 * (dense / dense.sum(0)) @ y + 0.6 * y
    torch.testing.assert_close(soft(labels, tiny_graph, z), y)


def test_the_steps_of_the_large_path_are_label_propagation_from_training_rows(tiny_graph):
    """Spec 1.7 with PyG's own label propagation, whose alpha weighs the neighbours."""
    from torch_geometric.nn.models import LabelPropagation

    z = torch.rand(60, 5, generator=torch.Generator().manual_seed(0))
    labels, train = replace(LARGE, alpha=0.3), tiny_graph.train_mask
    spread = LabelPropagation(num_layers=50, alpha=0.7)
    y0 = spread(tiny_graph.y, tiny_graph.edge_index, train) * train[:, None]
    torch.testing.assert_close(labels.structural(tiny_graph, 3), y0)
    c = y0.argmax(1)
    centres = torch.stack([z[train & (c == k)].mean(0) for k in range(3)])
    y = 0.6 * y0 + 0.4 * F.cosine_similarity(z[:, None], centres[None], dim=-1)
    torch.testing.assert_close(
        soft(labels, tiny_graph, z), spread(y, tiny_graph.edge_index, train)
    )


@pytest.mark.parametrize("labels", [SemanticLabels(), LARGE, SemanticLabels(anchor=True),
                                    SemanticLabels(operator=RowNormalised())])
def test_wrong_labels_are_put_right_where_representations_know_better(tiny_graph, labels):
    truth = tiny_graph.y
    tiny_graph.y = truth.clone()
    wrong = torch.tensor([0, 3, 21, 27, 45])
    tiny_graph.y[wrong] = (truth[wrong] + 1) % 3
    found = hard_labels(soft(labels, tiny_graph, F.one_hot(truth, 3).float()))
    train = tiny_graph.train_mask
    assert torch.equal(found[train], truth[train]) and int((found != truth).sum()) <= 1


def test_labels_outside_the_training_nodes_are_not_read(tiny_graph):
    z = torch.rand(60, 5, generator=torch.Generator().manual_seed(0))
    before = soft(SemanticLabels(), tiny_graph, z)
    tiny_graph.y = torch.where(tiny_graph.train_mask, tiny_graph.y, (tiny_graph.y + 1) % 3)
    assert torch.equal(soft(SemanticLabels(), tiny_graph, z), before)


@pytest.mark.parametrize("labels", [SemanticLabels(), LARGE])
def test_a_class_without_training_nodes_is_given_to_no_node(tiny_graph, labels):
    tiny_graph.train_mask = tiny_graph.train_mask & (tiny_graph.y != 0)
    tiny_graph.x[5] = 0
    found = soft(labels, tiny_graph, F.normalize(tiny_graph.x.relu(), p=1))
    assert found.isfinite().all() and not (hard_labels(found) == 0).any()


def test_one_class_isolated_nodes_and_zero_representations_do_no_harm():
    data = Data(
        edge_index=torch.empty(2, 0, dtype=torch.int64), num_nodes=4,
        y=torch.tensor([2, 2, -1, 0]), train_mask=torch.tensor([True, True, True, False]),
    )
    found = soft(SemanticLabels(), data, torch.zeros(4, 5))
    assert found.isfinite().all() and hard_labels(found).tolist() == [2, 2, 2, 2]


def test_no_structural_label_at_all_is_said(tiny_graph):
    tiny_graph.edge_index = tiny_graph.edge_index[:, :0]
    with pytest.raises(UserError, match="raise alpha"):
        soft(SemanticLabels(alpha=0.0), tiny_graph, torch.ones(60, 2))


def test_no_gradient_flows_and_nothing_given_is_changed(tiny_graph):
    z = torch.rand(60, 5, requires_grad=True)
    labels = SemanticLabels()
    y0 = labels.structural(tiny_graph, 3)
    before = z.detach().clone(), y0.clone()
    found = labels(z, y0, labels.operator.matrix(tiny_graph.edge_index, 60))
    assert not found.requires_grad
    assert torch.equal(z, before[0]) and torch.equal(y0, before[1])


def test_double_precision_agrees_with_single(tiny_graph):
    z = torch.rand(60, 5, generator=torch.Generator().manual_seed(0))
    double = soft(SemanticLabels(), tiny_graph, z.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(soft(SemanticLabels(), tiny_graph, z), double.float())


def test_settings_are_plain_values():
    for labels in (SemanticLabels(), LARGE):
        assert from_config(to_config(labels)) == labels == pickle.loads(pickle.dumps(labels))
    assert SemanticLabels() != SemanticLabels(operator=RowNormalised())
    assert ColumnNormalised() == ColumnNormalised() != RowNormalised()
    with pytest.raises(FrozenInstanceError):
        SemanticLabels().alpha = 1


@pytest.mark.parametrize(
    "bad", [{"alpha": -0.1}, {"alpha": 1.1}, {"beta": 2}, {"beta": float("nan")}, {"steps": -1},
            {"steps": 1.5}],
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(UserError, match=f"semantic labels {next(iter(bad))}: wanted"):
        SemanticLabels(**bad)
