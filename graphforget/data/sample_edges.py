"""Requests to forget edges: at random, near or far from the test items, and the hard ones.

Edges are counted without direction, loops left out; where links are predicted they are the
training links. Random edges are the easy case (d2dgn.md 5): hubs, bridges and unlike ends are
there to make a method sweat.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.core.neighborhood import Adjacency
from graphforget.data.draw import draw, highest
from graphforget.data.split import link_codes
from graphforget.request import ForgetRequest

TEST_HOPS = 2  # as GNNDelete (ICLR 2023) draws the edges it deletes


def random_edges(data: Data, count: int, seed: int) -> ForgetRequest:
    """Sample ``count`` edges, all equally likely.

    Raises:
        UserError: the graph has fewer; so do all samplers here.

    Example:
        >>> path = Data(edge_index=torch.tensor([[0, 1, 2], [1, 2, 3]]), num_nodes=4)
        >>> random_edges(path, 3, seed=0).index
        ((0, 1), (1, 2), (2, 3))
    """
    return ForgetRequest("edge", draw(training_edges(data), count, seed, "edges"))


def edges_near_test(data: Data, count: int, seed: int) -> ForgetRequest:
    """Sample edges inside the 2-hop subgraph of the test items ("IN"): both ends are within 2 hops.

    Test items are the ends of the test links, else the test nodes.
    """
    edges = training_edges(data)
    return ForgetRequest(
        "edge", draw(edges[:, _near(data, edges)], count, seed, "edges near the test items")
    )


def edges_far_from_test(data: Data, count: int, seed: int) -> ForgetRequest:
    """Sample edges outside the 2-hop subgraph of the test items ("OUT")."""
    edges = training_edges(data)
    return ForgetRequest(
        "edge", draw(edges[:, ~_near(data, edges)], count, seed, "edges far from the test items")
    )


def hub_edges(data: Data, count: int, seed: int) -> ForgetRequest:
    """Take the edges that touch the most other edges: largest sum of the degrees of their ends."""
    edges = training_edges(data)
    degree = edges.view(-1).bincount(minlength=int(data.num_nodes or 0))
    return ForgetRequest("edge", highest(edges, degree[edges].sum(dim=0), count, seed, "edges"))


def bridge_edges(data: Data, count: int, seed: int) -> ForgetRequest:
    """Sample edges between communities.

    Communities are the classes, where nodes have labels: any edge between two classes, all
    equally likely. Without labels, take the edges whose ends share the fewest neighbours (Jaccard
    overlap).
    """
    edges = training_edges(data)
    y = data.get("y")
    if y is None or bool((y < 0).all()):
        return ForgetRequest(
            "edge", highest(edges, -_overlap(edges, int(data.num_nodes or 0)), count, seed, "edges")
        )
    ends = y[edges]
    between = (ends[0] != ends[1]) & (ends >= 0).all(dim=0)
    return ForgetRequest("edge", draw(edges[:, between], count, seed, "edges between classes"))


def dissimilar_edges(data: Data, count: int, seed: int) -> ForgetRequest:
    """Take the edges whose ends have the least similar features (cosine)."""
    edges = training_edges(data)
    unit = torch.nn.functional.normalize(data.x, dim=1)
    cosine = [(unit[part[0]] * unit[part[1]]).sum(dim=1) for part in edges.split(2**16, dim=1)] or [
        data.x.new_empty(0)
    ]
    return ForgetRequest("edge", highest(edges, -torch.cat(cosine), count, seed, "edges"))


def training_edges(data: Data) -> Tensor:
    """Return the edges that can be asked for: ``(min, max)`` once each, shape ``(2, K)``."""
    num_nodes = int(data.num_nodes or 0)
    codes = link_codes(data.edge_index, num_nodes)
    return torch.stack([codes // num_nodes, codes % num_nodes])


def _near(data: Data, edges: Tensor) -> Tensor:
    """Mark the edges with both ends within two hops of the test items, shape ``(K,)``."""
    if "test_pos_edge_index" in data:
        start = data.test_pos_edge_index.unique()
    elif "test_mask" in data:
        start = data.test_mask.nonzero().view(-1)
    else:
        raise UserError("edges near or far from the test items: the graph has none; split it first")
    num_nodes = int(data.num_nodes or 0)
    both = torch.cat([edges, edges.flip(0)], dim=1)
    inside = torch.zeros(num_nodes, dtype=torch.bool, device=edges.device)
    inside[Adjacency.of(both, num_nodes).khop(start, TEST_HOPS)] = True
    return inside[edges].all(dim=0)


def _overlap(edges: Tensor, num_nodes: int) -> Tensor:
    """Share of the neighbours of either end that are neighbours of both, shape ``(K,)``."""
    import numpy as np
    import scipy.sparse as sp

    ends = torch.cat([edges, edges.flip(0)], dim=1).cpu().numpy()
    ones = np.ones(ends.shape[1], dtype=np.float32)
    adjacency = sp.csr_matrix((ones, (ends[0], ends[1])), shape=(num_nodes, num_nodes))
    degree = np.diff(adjacency.indptr)
    shares = [np.empty(0, dtype=np.float32)]
    for part in edges.split(2**14, dim=1):
        u, v = part.cpu().numpy()
        common = np.asarray(adjacency[u].multiply(adjacency[v]).sum(axis=1)).ravel()
        shares.append(common / (degree[u] + degree[v] - common))
    return torch.from_numpy(np.concatenate(shares)).to(edges.device)
