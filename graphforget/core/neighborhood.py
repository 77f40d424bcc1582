"""Who is within k hops, at the cost of the answer and not of the graph.

An edge list has to be read whole for every question. Sorted by target once (CSR), it is read
only where the question leads, which matters when deletion requests name a few items each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Edges sorted by target: for each node, the nodes whose messages it receives.

    For the other direction (who receives from a node) build it from `edge_index.flip(0)`; on a
    graph that holds both directions of every edge the two are the same.

    >>> path = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])
    >>> adjacency = Adjacency.of(path, num_nodes=4)
    >>> adjacency.neighbors(torch.tensor([1]))
    tensor([0, 2])
    >>> adjacency.khop(torch.tensor([0]), hops=2)
    tensor([0, 1, 2])
    >>> adjacency.degree
    tensor([1, 2, 2, 1])
    """

    start: Tensor
    """Shape `(N + 1,)`: the edges into node `v` are at `start[v]:start[v + 1]`."""
    source: Tensor
    """Shape `(E,)`: the node at the other end of each."""
    edge: Tensor
    """Shape `(E,)`: where each stands in the `edge_index` it came from."""

    @classmethod
    def of(cls, edge_index: Tensor, num_nodes: int) -> Adjacency:
        """Sort the edges once.

        Args:
            edge_index: sources and targets, shape `(2, E)`.
            num_nodes: N; isolated nodes count.

        Raises:
            UserError: if an edge names a node outside `0..N-1`.
        """
        _in_range(edge_index, num_nodes, "edge_index")
        target, edge = torch.sort(edge_index[1], stable=True)
        start = target.new_zeros(num_nodes + 1)
        start[1:] = torch.bincount(target, minlength=num_nodes).cumsum(0)
        return cls(start, edge_index[0][edge], edge)

    @property
    def num_nodes(self) -> int:
        """N."""
        return len(self.start) - 1

    @property
    def degree(self) -> Tensor:
        """Number of edges into each node, shape `(N,)`."""
        return self.start.diff()

    def neighbors(self, nodes: Tensor) -> Tensor:
        """Sources of the edges into `nodes`, shape `(M,)`, one entry an edge, node after node."""
        return self.source[self._slots(nodes)]

    def edges_into(self, nodes: Tensor) -> Tensor:
        """Columns of `edge_index` that end in `nodes`, shape `(M,)`, node after node."""
        return self.edge[self._slots(nodes)]

    def khop(self, nodes: Tensor, hops: int) -> Tensor:
        """Sorted ids of everything from which `nodes` can be reached in at most `hops` edges.

        Each hop looks only at nodes that the hop before was the first to see.

        Args:
            nodes: ids to start from, shape `(K,)`; they are part of the answer.
            hops: how far to go; 0 returns the start.
        """
        _in_range(nodes, self.num_nodes, "nodes")
        seen = torch.zeros(self.num_nodes, dtype=torch.bool, device=nodes.device)
        mark = torch.empty(self.num_nodes, dtype=torch.long, device=nodes.device)
        frontier = _once(nodes, mark)
        seen[frontier] = True
        found = [frontier]
        for _ in range(hops):
            reached = self.neighbors(frontier)
            frontier = _once(reached[~seen[reached]], mark)
            if len(frontier) == 0:
                break
            seen[frontier] = True
            found.append(frontier)
        return torch.cat(found).sort().values

    def _slots(self, nodes: Tensor) -> Tensor:
        """Positions in `source` and `edge` of all edges into `nodes`, shape `(M,)`."""
        first = self.start[nodes]
        count = self.start[nodes + 1] - first
        shift = first - (count.cumsum(0) - count)
        total = int(count.sum())
        return torch.arange(total, device=nodes.device) + shift.repeat_interleave(count)


def induced(data: Data, nodes: Tensor, adjacency: Adjacency | None = None) -> Data:
    """Graph of the listed nodes and of the edges with both ends among them.

    Node and edge attributes (`x`, `y`, masks, `edge_attr`, ...) are cut to size and edges keep
    their order. `n_id`, shape `(K,)`, gives the ids in the graph that was cut first, so cutting
    twice still leads home. Held-out pairs (`val_pos_edge_index`, ...) speak of the outer ids and
    are left out.

    Args:
        data: the whole graph.
        nodes: ids to keep, shape `(K,)`; order and repetition do not matter.
        adjacency: that of `data.edge_index`, if it is at hand; then no step reads all edges.

    >>> triangle = torch.tensor([[0, 1, 0, 2, 1, 2, 2, 3], [1, 0, 2, 0, 2, 1, 3, 2]])
    >>> part = induced(Data(x=torch.eye(4), edge_index=triangle), torch.tensor([3, 0, 2]))
    >>> part.n_id, part.edge_index.tolist()
    (tensor([0, 2, 3]), [[0, 1, 1, 2], [1, 0, 2, 1]])
    """
    size, num_edges = int(data.num_nodes or 0), data.edge_index.size(1)
    adjacency = adjacency or Adjacency.of(data.edge_index, size)
    _in_range(nodes, size, "nodes")
    nodes = nodes.unique()
    # Edges into `nodes` are found by CSR; a binary search says which also start there.
    edges = adjacency.edges_into(nodes)
    source = data.edge_index[0, edges]
    place = torch.searchsorted(nodes, source).clamp(max=max(len(nodes) - 1, 0))
    edges = edges[nodes[place] == source].sort().values

    inner = torch.searchsorted(nodes, data.edge_index[:, edges])
    part = Data(edge_index=inner, num_nodes=len(nodes))
    for key, value in data.to_dict().items():
        if key in ("edge_index", "num_nodes"):
            continue
        if not isinstance(value, Tensor):
            part[key] = value
        elif "edge" not in key and value.dim() > 0 and len(value) == size:
            part[key] = value[nodes]
        elif key.startswith("edge_") and value.dim() > 0 and len(value) == num_edges:
            part[key] = value[edges]
    if "n_id" not in data:
        part.n_id = nodes
    return part


def _once(ids: Tensor, mark: Tensor) -> Tensor:
    """Each id once, without sorting; `mark`, shape `(N,)`, is scratch space with any content."""
    place = torch.arange(len(ids), device=ids.device)
    mark[ids] = place
    return ids[mark[ids] == place]


def _in_range(ids: Tensor, num_nodes: int, name: str) -> None:
    if ids.numel() and not (0 <= int(ids.min()) and int(ids.max()) < num_nodes):
        raise UserError(
            f"{name}: node ids must be in 0..{num_nodes - 1}, got {int(ids.min())}.."
            f"{int(ids.max())}; check the ids, or num_nodes if the graph has isolated nodes"
        )
