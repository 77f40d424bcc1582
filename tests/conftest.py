"""What every test may use: real data where it is, and two graphs small enough to think about."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["RAY_AUTH_MODE"] = "disabled"  # Ray would write a token under the home folder

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

torch.set_num_threads(1)  # tests run small tensors: threads cost more than they give

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real data sets; a test that needs it is skipped where there is none."""
    named = os.environ.get("GRAPHFORGET_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs real data: set GRAPHFORGET_DATA to the folder that holds it")
    return folder


def planted_partition(blocks: int = 3, size: int = 20, features: int = 8, seed: int = 0) -> Data:
    """Graph of `blocks` communities: dense inside, sparse between, features that tell them apart.

    Each community holds a ring, so no node is isolated. Both directions of every edge are there.
    """
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(blocks).repeat_interleave(size)
    count = len(y)
    chance = torch.where(y[:, None] == y[None, :], 0.2, 0.02)
    adjacency = torch.rand(count, count, generator=generator) < chance
    node = torch.arange(count)
    adjacency[node, y * size + (node + 1) % size] = True
    upper = torch.triu(adjacency | adjacency.T, diagonal=1)
    edge_index = torch.nonzero(upper | upper.T).T.contiguous()
    centre = torch.randn(blocks, features, generator=generator)
    x = centre[y] + 0.5 * torch.randn(count, features, generator=generator)
    return Data(x=x, edge_index=edge_index, y=y)


@pytest.fixture
def tiny_graph() -> Data:
    """60 nodes in 3 communities; 10 training, 4 validation and 6 test nodes in each."""
    data = planted_partition()
    place = torch.arange(60) % 20
    data.train_mask = place < 10
    data.val_mask = (place >= 10) & (place < 14)
    data.test_mask = place >= 14
    return data


@pytest.fixture
def tiny_links() -> Data:
    """The same graph for link prediction: a tenth of the edges for val, another for test."""
    data = planted_partition()
    generator = torch.Generator().manual_seed(1)
    edges = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    edges = edges[:, torch.randperm(edges.size(1), generator=generator)]
    held = edges.size(1) // 10
    absent = torch.ones(60, 60, dtype=torch.bool).triu(diagonal=1)
    absent[edges[0], edges[1]] = False
    negatives = torch.nonzero(absent).T
    negatives = negatives[:, torch.randperm(negatives.size(1), generator=generator)]

    def both(pairs: Tensor) -> Tensor:
        return torch.cat([pairs, pairs.flip(0)], dim=1)

    return Data(
        x=data.x,
        edge_index=both(edges[:, 2 * held :]),
        val_pos_edge_index=edges[:, :held],
        val_neg_edge_index=negatives[:, :held],
        test_pos_edge_index=edges[:, held : 2 * held],
        test_neg_edge_index=negatives[:, held : 2 * held],
    )
