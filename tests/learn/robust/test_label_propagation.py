"""Label propagation, then training: what arrives, who is trained on it, and that it helps."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn import LabelPropagation
from graphforget.learn.operators import Symmetric
from graphforget.learn.robust.label_propagation import propagated_labels, soft_cross_entropy
from tests.learn.robust.noisy import ENCODER, SYMMETRIC, TASK, gain, noisy_blocks


def test_many_hops_reach_the_closed_form():
    """The fixed point is ``inv(I - (1 - alpha) S) Y``, up to the sums of rows."""
    data = noisy_blocks(seed=0)
    matrix = Symmetric().matrix(data.edge_index, 200)
    start = F.one_hot(data.y, 2).double() * data.train_mask[:, None]
    system = torch.eye(200).double() - 0.5 * matrix.to_dense().double()
    wanted = F.normalize(torch.linalg.solve(system, start), p=1, dim=1)
    found = propagated_labels(data.y, data.train_mask, matrix, 2, alpha=0.5, steps=60)
    torch.testing.assert_close(found.double(), wanted, atol=1e-5, rtol=1e-5)


def test_only_training_labels_travel():
    data = noisy_blocks(seed=0)
    other = data.clone()
    other.y = torch.where(data.train_mask, data.y, 1 - data.y)
    learner = LabelPropagation(ENCODER)
    assert torch.equal(learner.received(data, TASK), learner.received(other, TASK))


def test_a_node_that_no_label_reaches_is_not_trained_on():
    data = Data(
        x=torch.eye(4),
        edge_index=torch.tensor([[0, 1], [1, 0]]),
        y=torch.tensor([1, -1, 0, 0]),
        train_mask=torch.tensor([True, True, False, False]),
    )
    received = LabelPropagation(ENCODER, hops=3).received(data, TASK)
    torch.testing.assert_close(received, torch.tensor([[0.0, 1], [0, 1], [0, 0], [0, 0]]))
    logits = torch.randn(4, 2)
    wanted = F.cross_entropy(logits[:2], torch.tensor([1, 1]))
    torch.testing.assert_close(soft_cross_entropy(logits, received), wanted)


def test_one_wrong_label_among_right_ones_is_outvoted():
    data = noisy_blocks(seed=0, matrix=((1.0, 0.0), (0.0, 1.0)))
    data.y[7] = 1 - data.y[7]
    received = LabelPropagation(ENCODER).received(data, TASK)
    assert int(received[7].argmax()) == int(data.clean[7])


def test_training_on_what_arrives_beats_training_on_what_was_given():
    assert gain(LabelPropagation(ENCODER, alpha=0.5), SYMMETRIC) > 0.02


@pytest.mark.parametrize("settings", [{"alpha": 0.0}, {"alpha": 1.1}, {"hops": -1}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UserError):
        LabelPropagation(**settings)
