"""How a graph becomes a problem: the split of its nodes or links, and the task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch_geometric.data import Data
from torch_geometric.transforms import NormalizeFeatures, RandomNodeSplit

from graphforget.data.split import split_links, split_nodes
from graphforget.task import LinkPrediction, NodeClassification, Task


class Setting(ABC):
    """A frozen dataclass that prepares any graph for one kind of task."""

    name: ClassVar[str]
    """The task as the command line names it."""

    @abstractmethod
    def prepare(self, graph: Data, seed: int) -> tuple[Data, Task]:
        """The split graph and its task; the graph given is not changed."""


@dataclass(frozen=True)
class Nodes(Setting):
    """Node classification on a random split, which replaces a public one (d2dgn.md section 9).

    Args:
        train: share of the training nodes.
        val: share of the validation nodes; the rest are test nodes.
        normalise: scale the features of each node to sum 1, as published settings do. It matters:
            on raw bags of words models memorise more, and all methods forget more slowly.
    """

    name = "node"

    train: float = 0.7
    val: float = 0.1
    normalise: bool = True

    def prepare(self, graph: Data, seed: int) -> tuple[Data, Task]:
        graph = NormalizeFeatures()(graph) if self.normalise else graph
        data = split_nodes(graph, seed, self.train, self.val, replace=True)
        return data, NodeClassification.of(data)


@dataclass(frozen=True)
class Links(Setting):
    """Link prediction with held-out links and as many non-links (GNNDelete, ICLR 2023).

    Args:
        out_channels: width of the embeddings.
        val: share of the validation links.
        test: share of the test links.
        normalise: scale the features of each node to sum 1.
    """

    name = "link"

    out_channels: int = 64
    val: float = 0.05
    test: float = 0.05
    normalise: bool = True

    def prepare(self, graph: Data, seed: int) -> tuple[Data, Task]:
        graph = NormalizeFeatures()(graph) if self.normalise else graph
        data = split_links(graph, seed, self.val, self.test)
        return data, LinkPrediction(self.out_channels)


@dataclass(frozen=True)
class PublicNodes(Setting):
    """Node classification on the public split, or on a random one of its kind (Planetoid, 2016).

    Args:
        per_class: training nodes of each class where there is no public split.
        val: validation nodes there; the rest are test nodes.
        normalise: scale the features of each node to sum 1.
    """

    name = "node"

    per_class: int = 20
    val: int = 500
    normalise: bool = True

    def prepare(self, graph: Data, seed: int) -> tuple[Data, Task]:
        data = NormalizeFeatures()(graph) if self.normalise else graph
        if "train_mask" not in data:
            split = RandomNodeSplit(
                "test_rest", num_train_per_class=self.per_class, num_val=self.val
            )
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                data = split(data)
        return data, NodeClassification.of(data)
