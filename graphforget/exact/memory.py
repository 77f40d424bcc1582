"""The rows of slices in memory, for models that are shards in one process.

They are cut by the same functions as slice files, so that a stage trained here is bit for bit the
one that a service trains.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from graphforget.exact.graph_cut import cut, joined, kept
from graphforget.exact.placement import Id, Placement
from graphforget.exact.slice_file import NODE, SliceRows, other_slice
from graphforget.exact.source import Hit
from graphforget.removal import pair_codes
from graphforget.request import ForgetRequest

NOWHERE = -1
"""Shard and slice of a node that is not there."""


@dataclass(frozen=True)
class TablePlacement(Placement):
    """Places looked up in tables: what a hash or a partition said once, less who has left.

    Args:
        shard_of: shard of every id, shape ``(N,)``.
        slice_of: slice of every id, shape ``(N,)``.
    """

    shard_of: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(0, np.int64), repr=False, compare=False
    )
    slice_of: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(0, np.int64), repr=False, compare=False
    )

    def place(self, id: Id) -> tuple[int, int]:
        return int(self.shard_of[int(id)]), int(self.slice_of[int(id)])

    def of(self, ids: Iterable[Id] | NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rows = np.asarray(list(ids) if not isinstance(ids, np.ndarray) else ids, dtype=np.int64)
        return self.shard_of[rows], self.slice_of[rows]


class SlicesInMemory:
    """The rows of a graph, cut by shard and slice.

    Args:
        data: the graph.
        placement: where its nodes are; those that are nowhere are left out.
    """

    def __init__(self, data: Data, placement: TablePlacement) -> None:
        ids = torch.from_numpy(np.flatnonzero(placement.shard_of != NOWHERE))
        self._device = data.edge_index.device
        self._slices = dict(cut(kept(copy.copy(data).cpu()), ids, placement))

    def rows(self, shard: int, slices: Iterable[int]) -> Data:
        """The graph induced on these slices of a shard; ``n_id`` has the nodes' ids."""
        wanted = frozenset(slices)
        parts = [_among(self._slices[shard, slice], wanted) for slice in sorted(wanted)]
        return joined(parts).to(self._device)


def hits_of(
    data: Data, shard: Tensor, slice: Tensor, request: ForgetRequest
) -> dict[int, set[Hit]]:
    """What a request does to each shard that it touches.

    Args:
        data: the graph before the request.
        shard: of every node, shape ``(N,)``.
        slice: of every node, shape ``(N,)``.
        request: what must go; what is not there hits nothing, an edge between shards neither.

    >>> data = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
    >>> shard, slice = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0])
    >>> hits_of(data, shard, slice, ForgetRequest("edge", [[0, 1], [1, 2]]))
    {0: {frozenset({0, 1})}}
    """
    items = _items(data, request).to(shard.device)
    shards, slices = shard[items], slice[items]  # both (1, K) or (2, K)
    there = (shards != NOWHERE).all(0) & (shards == shards[0]).all(0)
    found: dict[int, set[Hit]] = {}
    for a, together in zip(shards[0, there].tolist(), slices[:, there].T.tolist(), strict=True):
        found.setdefault(a, set()).add(frozenset(together))
    return found


def _items(data: Data, request: ForgetRequest) -> Tensor:
    """The nodes named, shape ``(1, K)``, or the edges named that are there, shape ``(2, K)``."""
    if request.kind == "edge":
        pairs = request.tensor.to(data.edge_index.device)
        size = int(data.num_nodes or 0)
        known = torch.isin(pair_codes(pairs, size), pair_codes(data.edge_index, size))
        return pairs[:, known]
    nodes = request.nodes(data)
    if request.kind == "feature":
        nodes = nodes[(data.x[nodes] != 0).any(1)]
    return nodes[None]


def _among(rows: SliceRows, slices: frozenset[int]) -> SliceRows:
    """A slice's nodes, and its edges to some slices only."""
    return {
        name: tensor for name, tensor in rows.items()
        if name.startswith(NODE) or other_slice(name) in slices
    }
