"""Requests to forget nodes, features of nodes, or a class.

Nodes are drawn from the training nodes; where links are predicted, from the nodes with a link.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.data.draw import draw, highest
from graphforget.data.split import link_codes
from graphforget.request import ForgetRequest


def random_nodes(data: Data, count: int, seed: int) -> ForgetRequest:
    """Sample ``count`` nodes, all equally likely.

    Raises:
        UserError: the graph has fewer; so do all samplers here.

    Example:
        >>> path = Data(edge_index=torch.tensor([[0, 1, 2], [1, 2, 3]]), num_nodes=5)
        >>> random_nodes(path, 4, seed=0).index
        (0, 1, 2, 3)
    """
    return ForgetRequest("node", draw(node_pool(data), count, seed, "nodes"))


def hub_nodes(data: Data, count: int, seed: int) -> ForgetRequest:
    """Take the nodes with the most neighbours; the seed decides between equals."""
    pool = node_pool(data)
    return ForgetRequest("node", highest(pool, _degree(data)[pool], count, seed, "nodes"))


def nodes_of_class(data: Data, label: int, count: int, seed: int) -> ForgetRequest:
    """Sample ``count`` nodes that carry a label."""
    _check_label(data, label)
    pool = node_pool(data)
    pool = pool[data.y[pool] == label]
    return ForgetRequest("node", draw(pool, count, seed, f"nodes of class {label}"))


def whole_class(data: Data, label: int) -> ForgetRequest:
    """Name a class: all nodes outside the test nodes that carry the label."""
    _check_label(data, label)
    return ForgetRequest("class", (label,))


def features_of(data: Data, count: int, seed: int) -> ForgetRequest:
    """Sample ``count`` nodes whose features must go."""
    return ForgetRequest("feature", draw(node_pool(data), count, seed, "nodes"))


def node_pool(data: Data) -> Tensor:
    """Return the nodes that can be asked for: ascending ids, shape ``(K,)``."""
    if "test_pos_edge_index" in data or "train_mask" not in data:
        return (_degree(data) > 0).nonzero().view(-1)
    return data.train_mask.nonzero().view(-1)


def _degree(data: Data) -> Tensor:
    """Number of neighbours of each node in either direction, shape ``(N,)``."""
    num_nodes = int(data.num_nodes or 0)
    codes = link_codes(data.edge_index, num_nodes)
    ends = torch.cat([codes // num_nodes, codes % num_nodes])
    return ends.bincount(minlength=num_nodes)


def _check_label(data: Data, label: int) -> None:
    known = [] if data.get("y") is None else [y for y in data.y.unique().tolist() if y >= 0]
    if label not in known:
        have = ", ".join(map(str, known[:20])) or "no labels"
        raise UserError(f"no node has label {label}; the graph has {have}")
