"""What the contracts are tried on: each task and kind of request, on one small model a task."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.exact import S3T, SISA, GraphEraser, SliceSubsets
from graphforget.exact.sharded import Sharded
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.protocols import Unlearner
from graphforget.removal import pair_codes
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification, Task
from graphforget.trained import Trained
from tests.conftest import planted_partition

LEARNER = CrossEntropy(encoder=GCN(hidden=16), epochs=40)

IN_SHARDS = [
    S3T(shards=2, slices=2, orders=2, epochs=20),
    S3T(shards=2, slices=2, orders=2, epochs=20, repair=True),
    SISA(shards=2, slices=2, learner=LEARNER),
    SliceSubsets(shards=2, slices=2, cost=2.0, learner=LEARNER),
    GraphEraser(shards=2, learner=LEARNER),
]
"""Learners that forget by themselves, with shards that a graph of 60 nodes can fill."""


@dataclass(frozen=True, eq=False)
class Setting:
    """A task, its data and a way to draw requests.

    Args:
        name: node or link.
        task: the task.
        data: the graph.
        kinds: the kinds of request that make sense.
    """

    name: str
    task: Task
    data: Data
    kinds: tuple[str, ...]

    def request(self, kind: str, seed: int = 0) -> ForgetRequest:
        """A small request for items that training used."""
        if kind == "class":
            return ForgetRequest("class", [seed % 3])
        generator = torch.Generator().manual_seed(seed)
        if kind == "edge":
            edges = self.data.edge_index
            return ForgetRequest(
                "edge", edges[:, torch.randperm(edges.size(1), generator=generator)[:4]]
            )
        nodes = torch.arange(60)[torch.arange(60) % 20 < 10]  # training nodes of the node task
        return ForgetRequest(kind, nodes[torch.randperm(30, generator=generator)[:4]])

    def train(
        self, data: Data | None = None, seed: int = 0, method: Unlearner | None = None
    ) -> Trained:
        """A model for a method to forget from: its own, where it trains in shards."""
        in_shards = isinstance(method, Sharded) and self.name == "node"
        learner = method if in_shards else LEARNER
        return learner.fit(self.data if data is None else data, self.task, seed)

    def everything(self, data: Data) -> Tensor:
        """Items to ask about: all nodes, or the pairs of node 0, 1, 2 with all others."""
        if self.name == "node":
            return torch.arange(60)
        return torch.cartesian_prod(torch.arange(3), torch.arange(3, 60)).t().contiguous()


def node_setting() -> Setting:
    data = planted_partition()
    place = torch.arange(60) % 20
    data.train_mask, data.val_mask = place < 10, (place >= 10) & (place < 14)
    data.test_mask = place >= 14
    return Setting("node", NodeClassification(3), data, ("node", "edge", "feature", "class"))


def link_setting() -> Setting:
    data = planted_partition()
    edges = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    edges = edges[:, torch.randperm(edges.size(1), generator=torch.Generator().manual_seed(1))]
    every = torch.combinations(torch.arange(60)).t()
    absent = every[:, ~torch.isin(pair_codes(every, 60), pair_codes(edges, 60))]
    held = edges.size(1) // 10
    train = edges[:, 2 * held :]
    split = Data(
        x=data.x,
        edge_index=torch.cat([train, train.flip(0)], dim=1),
        val_pos_edge_index=edges[:, :held],
        val_neg_edge_index=absent[:, :held],
        test_pos_edge_index=edges[:, held : 2 * held],
        test_neg_edge_index=absent[:, held : 2 * held],
    )
    return Setting("link", LinkPrediction(8), split, ("node", "edge", "feature"))


@pytest.fixture(scope="session")
def settings() -> dict[str, Setting]:
    return {"node": node_setting(), "link": link_setting()}


@pytest.fixture(scope="session")
def trained(settings) -> dict[str, Trained]:
    return {name: setting.train() for name, setting in settings.items()}


@pytest.fixture(scope="session")
def start(settings, trained) -> Callable[[Unlearner, str], Trained]:
    """The model of a setting that a method starts from, trained once."""
    own: dict[tuple[Unlearner, str], Trained] = {}

    def model(method: Unlearner, name: str) -> Trained:
        if not isinstance(method, Sharded):
            return trained[name]
        if (method, name) not in own:
            own[method, name] = settings[name].train(method=method)
        return own[method, name]

    return model


def own_copy(trained: Trained) -> Trained:
    """The same run with tensors of its own, so that a test may spoil them."""
    return replace(trained, model=copy.deepcopy(trained.model), data=trained.data.clone())
