"""Graphs without some of their parts: the arithmetic behind every forget request.

Node ids are kept: a removed node stays as an isolated, unlabelled row of zeros, so that the rows
of two models can be compared and nobody has to translate ids. Inputs are never changed; tensors
that do not change are shared between the input and the result.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch_geometric.data import Data

SPLIT_MASKS = ("train_mask", "val_mask", "test_mask")
HELD_OUT_EDGES = (
    "val_pos_edge_index",
    "val_neg_edge_index",
    "test_pos_edge_index",
    "test_neg_edge_index",
)


class OwnKinds(Data):
    """A graph that knows kinds of request of its own, such as the users of a recommender.

    Nothing else has to be known of it: requests of its kinds are carried out as what they mean in
    nodes and edges.
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    """The kinds of request that it translates."""

    @abstractmethod
    def check_named(self, kind: str, index: Sequence[Any], missing: bool) -> None:
        """Raise a `UserError` if there cannot be what a request of its kinds names.

        Args:
            kind: one of `kinds`.
            index: ids, or pairs of ids.
            missing: allow pairs that are not there.
        """

    @abstractmethod
    def in_graph(self, kind: str, index: Tensor) -> tuple[str, Tensor]:
        """What a request of its kinds means in nodes and edges; nothing is an answer too.

        Args:
            kind: one of `kinds`.
            index: ids, shape ``(K,)``, or pairs, shape ``(2, K)``.

        Returns:
            ``node`` and ids, shape ``(M,)``; ``edge`` and the ends of edges, shape ``(2, M)``; or
            ``feature`` and nodes with columns of ``x``, shape ``(2, M)``.
        """


def pair_codes(pairs: Tensor, num_nodes: int) -> Tensor:
    """One integer per undirected pair, the same for ``(u, v)`` and ``(v, u)``.

    Args:
        pairs: node ids, shape ``(2, E)``.
        num_nodes: number of nodes ``N``; codes are below ``N * N``.

    >>> pair_codes(torch.tensor([[0, 2], [1, 0]]), 3).tolist()
    [1, 2]
    """
    return pairs.amin(0) * num_nodes + pairs.amax(0)


def edge_attributes(data: Data) -> list[str]:
    """Names of the attributes of ``data`` that hold one entry per edge of ``edge_index``."""
    return [
        name
        for name, value in data.items()
        if isinstance(value, Tensor) and not name.endswith("_index") and data.is_edge_attr(name)
    ]


def other_node_attributes(data: Data) -> list[str]:
    """Names of what ``data`` holds for each node beside features, labels, split and ids."""
    known = {"x", "y", "n_id", "batch", "node_type", *SPLIT_MASKS}
    return [
        name
        for name, value in data.items()
        if name not in known
        and isinstance(value, Tensor)
        and not name.endswith("_index")
        and data.is_node_attr(name)
    ]


def keep_edges(data: Data, kept: Tensor) -> Data:
    """The graph with only the edges in ``kept``, a bool mask of shape ``(E,)``."""
    result = copy.copy(data)
    for name in edge_attributes(data):
        result[name] = data[name][kept]
    result.edge_index = data.edge_index[:, kept]
    return result


def without_edges(data: Data, pairs: Tensor) -> Data:
    """The graph without the undirected ``pairs``, shape ``(2, K)``.

    Both directions leave the message-passing graph, and held-out pairs of a link split that name
    one of them leave too: a forgotten edge may not serve as an evaluation item.
    """
    codes = pair_codes(pairs, data.num_nodes)
    result = keep_edges(data, ~torch.isin(pair_codes(data.edge_index, data.num_nodes), codes))
    for name in HELD_OUT_EDGES:
        if name in data:
            held_out = data[name]
            result[name] = held_out[:, ~torch.isin(pair_codes(held_out, data.num_nodes), codes)]
    return result


def without_nodes(data: Data, nodes: Tensor) -> Data:
    """The graph with the ``nodes``, shape ``(K,)``, isolated, featureless and unlabelled.

    Whatever else a graph says of each node, such as a position or a date, becomes zero too; names
    that are texts become empty.
    """
    gone = torch.zeros(data.num_nodes, dtype=torch.bool, device=data.edge_index.device)
    gone[nodes] = True
    result = without_features(keep_edges(data, ~gone[data.edge_index].any(0)), nodes)
    if isinstance(data.get("y"), Tensor):
        result.y = data.y.masked_fill(gone, -1)
    for name in other_node_attributes(data):
        result[name] = data[name].index_fill(0, nodes.to(data[name].device), 0)
    if isinstance(data.get("node_id"), list):
        result.node_id = ["" if lost else name
                          for name, lost in zip(data.node_id, gone.tolist(), strict=True)]
    for name in SPLIT_MASKS:
        if name in data:
            result[name] = data[name] & ~gone
    for name in HELD_OUT_EDGES:
        if name in data:
            result[name] = data[name][:, ~gone[data[name]].any(0)]
    return result


def without_features(data: Data, nodes: Tensor) -> Data:
    """The graph with zeros for the attributes of ``nodes``, shape ``(K,)``.

    Or for single ones, where nodes come with columns of ``x``, shape ``(2, K)``.

    >>> data = Data(x=torch.ones(2, 2))
    >>> without_features(data, torch.tensor([[0, 1], [0, 0]])).x.tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    result = copy.copy(data)
    nodes = nodes.to(data.x.device)
    if nodes.dim() == 1:
        result.x = data.x.index_fill(0, nodes, 0.0)
    elif data.x.size(1):
        result.x = data.x.index_put((nodes[0], nodes[1]), data.x.new_zeros(()))
    return result


def without_labels(data: Data, nodes: Tensor) -> Data:
    """The graph with ``nodes``, shape ``(K,)``, unlabelled and in no part of the split.

    Their features and edges stay.

    >>> data = Data(y=torch.tensor([1, 2]), train_mask=torch.tensor([True, True]), num_nodes=2)
    >>> result = without_labels(data, torch.tensor([1]))
    >>> result.y.tolist(), result.train_mask.tolist(), data.y.tolist()
    ([1, -1], [True, False], [1, 2])
    """
    result = copy.copy(data)
    for name, nothing in (("y", -1), *((mask, False) for mask in SPLIT_MASKS)):
        if isinstance(data.get(name), Tensor):
            result[name] = data[name].index_fill(0, nodes.to(data[name].device), nothing)
    return result
