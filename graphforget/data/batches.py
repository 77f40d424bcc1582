"""Mini-batches of a graph that is too large to train on at once."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
import torch_geometric.typing
from torch import Generator, Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.core.neighborhood import Adjacency, induced
from graphforget.data.split import link_codes


def node_batches(data: Data, size: int, seed: int) -> NodeBatches:
    """Choose how to cut a graph into batches with what is installed.

    Sampled neighbourhoods where ``pyg-lib`` is there, else clusters by METIS, else random parts.

    Args:
        data: the whole graph.
        size: about how many nodes a batch is to train on.
        seed: the same seed gives the same batches, epoch after epoch.

    Raises:
        UserError: a size below 1.
    """
    if torch_geometric.typing.WITH_PYG_LIB:
        return NeighborBatches(data, size, seed)
    return disjoint_batches(data, size, seed)


def disjoint_batches(data: Data, size: int, seed: int) -> NodeBatches:
    """Batches of which every node is in one: clusters by METIS, else random parts.

    Args:
        data: the whole graph.
        size: about how many nodes a batch has.
        seed: the same seed gives the same batches, epoch after epoch.

    Raises:
        UserError: a size below 1.
    """
    try:
        import pymetis  # noqa: F401
    except ImportError:
        return RandomBatches(data, size, seed)
    return ClusterBatches(data, size, seed)


class NodeBatches(ABC):
    """Subgraphs that visit a graph once an epoch; each pass over it is an epoch of its own.

    A batch has both directions of an undirected edge, its nodes' masks and labels, and ``n_id``,
    shape ``(K,)``, their ids in the whole graph.

    Args:
        data: the whole graph.
        size: about how many nodes a batch is to train on.
        seed: of the order, and of what is drawn.
    """

    def __init__(self, data: Data, size: int, seed: int) -> None:
        if size < 1:
            raise UserError(f"batch size must be 1 or more nodes, not {size}")
        self.data, self.size, self.seed, self.epoch = data, size, seed, 0
        self.num_nodes = int(data.num_nodes or 0)
        self.adjacency = Adjacency.of(data.edge_index, self.num_nodes)

    def __len__(self) -> int:
        """Batches an epoch."""
        return max(1, math.ceil(self.num_nodes / self.size))

    def __iter__(self) -> Iterator[Data]:
        """Yield the batches of the next epoch."""
        generator = Generator().manual_seed(self.seed + 1_000_003 * self.epoch)
        self.epoch += 1
        for nodes in self.parts(generator):
            yield self.cut(nodes)

    def cut(self, nodes: Tensor) -> Data:
        """Return the subgraph of ``nodes``, shape ``(K,)``."""
        return induced(self.data, nodes.to(self.data.edge_index.device), self.adjacency)

    @abstractmethod
    def parts(self, generator: Generator) -> Iterator[Tensor]:
        """Yield the nodes of each batch of an epoch, each of shape ``(K,)``."""


class RandomBatches(NodeBatches):
    """Random parts of the nodes with the edges inside each: simple, and loses most edges."""

    def parts(self, generator: Generator) -> Iterator[Tensor]:
        yield from torch.randperm(self.num_nodes, generator=generator).tensor_split(len(self))


class ClusterBatches(NodeBatches):
    """A few METIS clusters a batch, newly combined each epoch (Cluster-GCN, KDD 2019).

    Clusters keep most edges inside; several to a batch keep some of those between.
    """

    clusters_per_batch = 4

    def __init__(self, data: Data, size: int, seed: int) -> None:
        super().__init__(data, size, seed)
        wanted = min(self.clusters_per_batch * super().__len__(), self.num_nodes)
        whole = [torch.arange(self.num_nodes)]
        self.clusters = metis_clusters(data, wanted, seed) if size < self.num_nodes else whole

    def __len__(self) -> int:
        """Batches an epoch; fewer on graphs that have no clusters as small as asked for."""
        return min(super().__len__(), len(self.clusters))

    def parts(self, generator: Generator) -> Iterator[Tensor]:
        order = torch.randperm(len(self.clusters), generator=generator)
        for chosen in order.tensor_split(len(self)):
            yield torch.cat([self.clusters[cluster] for cluster in chosen.tolist()])


class NeighborBatches(NodeBatches):
    """Nodes to train on, each with sampled neighbours (GraphSAGE, NeurIPS 2017); needs pyg-lib.

    Only the nodes drawn for a batch count in it as training nodes: those that came along as
    neighbours see part of their own neighbourhood. What pyg-lib samples follows its own random
    state, so here the seed fixes the order of the nodes only.
    """

    neighbors = (15, 10)

    def __init__(self, data: Data, size: int, seed: int) -> None:
        super().__init__(data, size, seed)
        edges = data.edge_index.cpu()  # where pyg-lib samples
        self._bare = Data(edge_index=edges, num_nodes=self.num_nodes)

    def parts(self, generator: Generator) -> Iterator[Tensor]:
        drawn = self._drawn()
        yield from drawn[torch.randperm(drawn.numel(), generator=generator)].tensor_split(len(self))

    def cut(self, nodes: Tensor) -> Data:
        from torch_geometric.loader import NeighborLoader

        loader = NeighborLoader(
            self._bare, list(self.neighbors), input_nodes=nodes.cpu(),
            batch_size=max(1, nodes.numel()),
        )
        batch = super().cut(torch.cat([batch.n_id for batch in loader] or [nodes]))
        if "train_mask" in batch:
            batch = copy.copy(batch)
            drawn = torch.isin(batch.n_id, nodes.to(batch.n_id.device))
            batch.train_mask = batch.train_mask & drawn
        return batch

    def _drawn(self) -> Tensor:
        mask = self.data.get("train_mask")
        return torch.arange(self.num_nodes) if mask is None else mask.nonzero().view(-1)


def metis_clusters(data: Data, count: int, seed: int) -> list[Tensor]:
    """Divide the nodes into at most ``count`` clusters with few edges between them.

    Args:
        data: the graph.
        count: how many; on graphs that do not have so many there are fewer.
        seed: of METIS.

    Returns:
        The nodes of each, ids of shape ``(K,)``.
    """
    import pymetis

    num_nodes = int(data.num_nodes or 0)
    codes = link_codes(data.edge_index.cpu(), num_nodes)  # METIS takes no loops and no directions
    if codes.numel() == 0:
        return list(torch.arange(num_nodes).tensor_split(count))
    ends = torch.stack([codes // num_nodes, codes % num_nodes])
    both = Adjacency.of(torch.cat([ends, ends.flip(0)], dim=1), num_nodes)
    _, cluster = pymetis.part_graph(
        count,
        xadj=both.start.numpy(),
        adjncy=both.source.numpy(),
        recursive=True,  # the k-way variant leaves clusters empty on small graphs
        options=pymetis.Options(seed=seed % 2**31),
    )
    label = torch.as_tensor(cluster, dtype=torch.int64)
    found = label.argsort(stable=True).split(label.bincount().tolist())
    return [nodes for nodes in found if nodes.numel()]
