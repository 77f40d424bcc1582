"""A graph whose training nodes can be learned by heart, and one that forgets a class of it."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest

BLOCKS, SIZE = 3, 40


@pytest.fixture(scope="session")
def noisy_graph() -> Data:
    """120 nodes in 3 communities; 8 of the 60 training nodes carry the wrong label.

    A network has no way to a wrong label but memory, so forgetting these nodes must show.
    """
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(BLOCKS).repeat_interleave(SIZE)
    chance = torch.where(y[:, None] == y[None, :], 0.08, 0.005)
    upper = torch.triu(torch.rand(len(y), len(y), generator=draw) < chance, diagonal=1)
    centre = 0.6 * torch.randn(BLOCKS, 48, generator=draw)
    x = centre[y] + torch.randn(len(y), 48, generator=draw)
    place = torch.arange(len(y)) % SIZE
    data = Data(x=x, edge_index=(upper | upper.T).nonzero().T.contiguous(), y=y.clone())
    data.train_mask, data.val_mask, data.test_mask = place < 20, place == 20, place > 20
    wrong = wrong_nodes()
    data.y[wrong] = (data.y[wrong] + 1) % BLOCKS
    return data


def wrong_nodes() -> torch.Tensor:
    return torch.tensor([0, 1, 2, 40, 41, 42, 80, 81])


@pytest.fixture(scope="session")
def learner() -> CrossEntropy:
    return CrossEntropy(GCN(hidden=32, dropout=0.0), epochs=100, snapshots=())


@pytest.fixture(scope="session")
def node_request() -> ForgetRequest:
    return ForgetRequest("node", wrong_nodes())


@pytest.fixture(scope="session")
def class_request() -> ForgetRequest:
    return ForgetRequest("class", [1])
