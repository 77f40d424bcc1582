"""PI-GNN: what the estimator learns of pairs, and that pairs hold against wrong labels."""

from __future__ import annotations

from statistics import mean

import pytest
import torch
import torch.nn.functional as F
from torch import Generator

from graphforget.core.errors import UserError
from graphforget.learn import PIGNN, CrossEntropy
from graphforget.learn.robust.pi_gnn import sampled_pairs, together
from tests.learn.robust.noisy import ENCODER, TASK, accuracies, gain, noisy_blocks


def weights(model):
    return [parameter.detach() for parameter in model.parameters()]


def test_pairs_are_the_links_and_as_many_strangers():
    data = noisy_blocks(seed=0)
    pairs, linked = sampled_pairs(data.edge_index, 200, 10**6, Generator().manual_seed(0))
    count = data.edge_index.size(1)
    assert torch.equal(pairs[:, :count], data.edge_index) and bool((linked[:count] == 1).all())
    adjacency = torch.zeros(200, 200)
    adjacency[data.edge_index[0], data.edge_index[1]] = 1
    assert pairs.size(1) == 2 * count
    assert torch.equal(linked, adjacency[pairs[0], pairs[1]])


def test_no_more_pairs_than_asked_for_and_loops_are_none():
    path = torch.tensor([[0, 1, 1, 2, 3], [1, 0, 2, 1, 3]])
    pairs, _ = sampled_pairs(path, 9, 3, Generator().manual_seed(0))
    assert pairs.shape == (2, 6) and not bool((pairs[0, :3] == pairs[1, :3]).any())
    none, _ = sampled_pairs(torch.tensor([[3], [3]]), 9, 3, Generator().manual_seed(0))
    assert none.shape == (2, 0)


def test_the_estimator_reads_no_label_and_knows_who_belongs_together():
    data = noisy_blocks(seed=0)
    other = data.clone()
    other.y, other.train_mask = 1 - data.y, ~data.train_mask
    learner = PIGNN(ENCODER, epochs=100)
    model, same = learner.estimator(data, 0), learner.estimator(other, 0)
    assert all(torch.equal(a, b) for a, b in zip(weights(model), weights(same), strict=True))
    every = torch.combinations(torch.arange(200)).T
    with torch.no_grad():
        belief = together(model(data.x, data.edge_index), every).sigmoid()
    alike = data.clean[every[0]] == data.clean[every[1]]
    assert float(belief[alike].mean()) > float(belief[~alike].mean()) + 0.2


def test_before_its_turn_the_pairs_have_no_say():
    data = noisy_blocks(seed=0)
    plain = CrossEntropy(ENCODER, epochs=8).fit(data, TASK, 0).model
    alone = PIGNN(ENCODER, epochs=8, warm_up=8).fit(data, TASK, 0).model
    paired = PIGNN(ENCODER, epochs=8, warm_up=7).fit(data, TASK, 0).model
    for a, b in zip(weights(plain), weights(alone), strict=True):
        torch.testing.assert_close(a, b)
    assert not all(torch.equal(a, b) for a, b in zip(weights(plain), weights(paired), strict=True))


def test_a_step_is_the_sum_of_both_losses():
    data = noisy_blocks(seed=0)
    learner = PIGNN(ENCODER, beta=3.0, epochs=5)
    model = learner.build(data, TASK, 1)
    output = model(data.x, data.edge_index)
    pairs, _ = sampled_pairs(data.edge_index, 200, learner.pairs, Generator().manual_seed(4))
    with torch.no_grad():
        wanted = together(learner.estimator(data, 2)(data.x, data.edge_index), pairs).sigmoid()
    agreement = F.binary_cross_entropy_with_logits(together(output, pairs), wanted)
    items = TASK.train_items(data)
    loss = F.cross_entropy(output[items], data.y[items]) + 3.0 * agreement
    got = learner.objective(data, TASK, 2)(model, Generator().manual_seed(4))
    torch.testing.assert_close(got, loss)


@pytest.mark.slow
def test_it_beats_cross_entropy_where_labels_of_one_class_are_wrong():
    assert gain(PIGNN(ENCODER)) > 0.05


@pytest.mark.slow
def test_batches_pair_within_themselves():
    assert mean(accuracies(PIGNN(ENCODER, batch_nodes=100, epochs=60, warm_up=10))) > 0.9


@pytest.mark.parametrize(
    "settings", [{"beta": -1.0}, {"warm_up": -1}, {"width": 0}, {"pairs": 0}, {"pairs": 1.5}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UserError):
        PIGNN(**settings)
