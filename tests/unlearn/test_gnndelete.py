"""Deletion operators change what is near the request, and nothing else at all."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch_geometric.data import Data

from graphforget.core.errors import Refused
from graphforget.learn import CrossEntropy
from graphforget.nn import GAT, GCN, GIN, GraphSAGE
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import GNNDelete, Unlink, gnndelete
from graphforget.unlearn.gnndelete import deleted_pairs, unlinked_pairs


@pytest.fixture
def chain() -> Data:
    """Forty nodes in a row, so that most are far from any request."""
    node = torch.arange(39)
    along = torch.stack([node, node + 1])
    x = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    data = Data(x=x, edge_index=torch.cat([along, along.flip(0)], 1), y=torch.arange(40) // 20)
    data.train_mask = torch.ones(40, dtype=torch.bool)
    return data


@pytest.mark.parametrize("encoder", [GCN(8), GAT(8), GIN(8), GraphSAGE(8)])
@pytest.mark.parametrize(
    "request_, near",
    [
        (ForgetRequest("edge", [[10, 11]]), range(8, 14)),
        (ForgetRequest("node", [10]), range(7, 14)),
        (ForgetRequest("feature", [10]), range(7, 14)),
    ],
)
def test_nodes_beyond_the_hops_stay_bit_for_bit(chain, encoder, request_, near):
    task = NodeClassification(2)
    trained = CrossEntropy(encoder=encoder, epochs=5).fit(chain, task, 0)
    after = GNNDelete(steps=20)(trained, request_)
    far = torch.tensor([node for node in range(40) if node not in near])
    assert torch.equal(after.response(far), trained.response(far))
    close = torch.tensor(list(near))
    assert not torch.equal(after.response(close), trained.response(close))
    assert after.model.masks[1].nonzero().flatten().tolist() == list(near)


def test_deleted_links_look_like_random_pairs(tiny_links):
    learner = CrossEntropy(GCN(16, dropout=0.0), epochs=150, weight_decay=0.0)
    trained = learner.fit(tiny_links, LinkPrediction(8), 0)
    request = ForgetRequest("edge", tiny_links.edge_index[:, ::60])
    asked = trained.task.forgotten_items(request, tiny_links)
    unlinked = Unlink()(trained, request).response(asked).mean()
    assert GNNDelete(steps=300)(trained, request).response(asked).mean() < unlinked - 0.05


def test_weights_of_the_model_are_frozen(secret):
    after = GNNDelete(steps=5)(secret.trained, secret.request)
    for old, new in zip(
        secret.trained.model.parameters(), after.model.model.parameters(), strict=True
    ):
        assert torch.equal(old, new) and new.requires_grad


def test_a_second_request_stands_on_the_first(secret, tmp_path):
    first = GNNDelete(steps=5)(secret.trained, ForgetRequest("node", [2, 5]))
    second = GNNDelete(steps=5)(first, ForgetRequest("node", [24]))
    second.save(tmp_path / "run")
    nodes = torch.arange(60)
    assert torch.equal(Trained.load(tmp_path / "run").response(nodes), second.response(nodes))


def test_the_fixed_first_layer_is_only_a_matter_of_time(secret, monkeypatch):
    quick = GNNDelete(steps=10)(secret.trained, secret.request)
    monkeypatch.setattr(gnndelete, "fixed_first_layer", lambda _model: nullcontext())
    slow = GNNDelete(steps=10)(secret.trained, secret.request)
    for one, other in zip(quick.model.parameters(), slow.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_without_an_edge_to_delete_it_refuses(chain):
    chain.edge_index = chain.edge_index[:, (chain.edge_index != 39).all(0)]
    trained = CrossEntropy(encoder=GCN(8), epochs=2).fit(chain, NodeClassification(2), 0)
    with pytest.raises(Refused, match="learned from edges"):
        GNNDelete()(trained, ForgetRequest("node", [39]))


def test_without_message_passing_it_refuses(chain):
    class Plain(torch.nn.Linear):
        def forward(self, x, edge_index):
            return super().forward(x)

    trained = Trained.wrap(Plain(6, 2), chain, NodeClassification(2))
    with pytest.raises(Refused, match="no message-passing layer"):
        GNNDelete()(trained, ForgetRequest("edge", [[0, 1]]))


def test_deleted_and_random_pairs(chain):
    assert deleted_pairs(ForgetRequest("node", [0, 2]), chain).tolist() == [[0, 1, 2], [1, 2, 3]]
    assert deleted_pairs(ForgetRequest("edge", [[1, 0], [5, 9]]), chain).tolist() == [[0], [1]]
    pairs = unlinked_pairs(chain, 200, torch.Generator().manual_seed(0))
    assert pairs.shape == (2, 200) and bool(((pairs[0] - pairs[1]).abs() > 1).all())
