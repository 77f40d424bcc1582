"""A graph cut into the rows of slices, and put together again from some of them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.placement import Placement
from graphforget.exact.slice_file import EDGES, NODE, SliceRows, row_order
from graphforget.removal import SPLIT_MASKS, other_node_attributes

THERE = "there"
"""Name of the mask ``(N,)`` of the nodes that are there; ids of others are kept, empty."""


def kept(data: Data) -> Data:
    """The tensors of a graph that have a meaning here: edges, and one row a node."""
    size = int(data.num_nodes or 0)
    if not isinstance(data.get("x"), Tensor) or data.x.dim() != 2 or "edge_index" not in data:
        raise UserError("graph: wanted x of shape (N, F) and edge_index, got a graph without")
    if data.edge_index.numel() and int(data.edge_index.max()) >= size:
        raise UserError(
            f"graph: wanted edges among {size} nodes, got one of node {int(data.edge_index.max())}"
        )
    names = [n for n in ("y", *SPLIT_MASKS) if n in data] + other_node_attributes(data)
    names = [name for name in names if name != THERE]
    x = data.x if data.x.layout is torch.strided else data.x.to_dense()
    order = (data.edge_index[1] * size + data.edge_index[0]).argsort(stable=True)
    edge_index = data.edge_index[:, order]
    return Data(x=x, edge_index=edge_index, num_nodes=size, **{name: data[name] for name in names})


def present(data: Data) -> Tensor:
    """Which nodes are there, ``(N,)``: those with features, a label, an edge or a mask."""
    there = (data.x != 0).any(1)  # a number that is none is one too
    there[data.edge_index.view(-1)] = True
    if "y" in data:
        there = there | (data.y >= 0)
    for name in SPLIT_MASKS:
        if name in data:
            there = there | data[name]
    return there


def cut(
    data: Data, ids: Tensor, placement: Placement
) -> Iterator[tuple[tuple[int, int], SliceRows]]:
    """The rows of every shard and slice, empty ones too.

    Args:
        data: a graph as `kept` leaves it.
        ids: of the nodes that are there, shape ``(K,)``.
        placement: where they go.
    """
    size = int(data.num_nodes or 0)
    shard, slice = (torch.full((size,), -1, dtype=torch.int64) for _ in range(2))
    of_shard, of_slice = placement.of(ids.numpy())
    shard[ids], slice[ids] = torch.from_numpy(of_shard), torch.from_numpy(of_slice)
    order = torch.zeros(size, dtype=torch.int64)
    order[ids] = row_order(placement.salt, ids.tolist())
    attributes = {name: value for name, value in data.to_dict().items()
                  if name not in ("edge_index", "num_nodes", THERE)}
    source, target = data.edge_index
    upper = torch.maximum(slice[source], slice[target])
    lower = torch.minimum(slice[source], slice[target])
    inside = shard[source] == shard[target]
    for a in range(placement.shards):
        for s in range(placement.slices):
            nodes = ((shard == a) & (slice == s)).nonzero().view(-1)
            rows = {f"{NODE}{name}": value[nodes] for name, value in attributes.items()}
            rows |= {f"{NODE}id": nodes, f"{NODE}order": order[nodes]}
            here = inside & (shard[source] == a) & (upper == s)
            for other in range(s + 1):
                rows[f"{EDGES}{other}"] = data.edge_index[:, here & (lower == other)]
            yield (a, s), rows


def joined(parts: list[SliceRows]) -> Data:
    """One graph of the rows of several slices, in the order of ids' hashes."""
    ids = torch.cat([part[f"{NODE}id"] for part in parts])
    key = torch.cat([part[f"{NODE}order"] for part in parts])
    by_id = ids.argsort()
    place = by_id[key[by_id].argsort(stable=True)]
    names = [name for name in parts[0] if name.startswith(NODE)]
    result = Data(num_nodes=len(ids))
    for name in names:
        if name not in (f"{NODE}id", f"{NODE}order"):
            values = torch.cat([part[name] for part in parts])
            result[name.removeprefix(NODE)] = values[place]
    result.n_id = ids[place]
    edges = [part[name] for part in parts for name in part if name.startswith(EDGES)]
    result.edge_index = _local(torch.cat(edges, 1), result.n_id)
    return result


def _local(edges: Tensor, ids: Tensor) -> Tensor:
    """Edges between ids as edges between rows, by target and source."""
    by_id = ids.argsort()
    local = by_id[torch.searchsorted(ids[by_id], edges)]
    return local[:, (local[1] * len(ids) + local[0]).argsort(stable=True)]
