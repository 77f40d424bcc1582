"""Seeded splits of nodes and of links, without leakage."""

from __future__ import annotations

import copy

import torch
from torch import Generator, Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError

MASKS = ("train_mask", "val_mask", "test_mask")


def split_nodes(
    data: Data, seed: int, train: float = 0.7, val: float = 0.1, replace: bool = False
) -> Data:
    """Divide the labelled nodes at random into training, validation and test nodes.

    A graph that already has a split keeps it unless ``replace`` is set. Nodes without a label
    (``y == -1``) are in no part.

    Args:
        data: with ``y``, shape ``(N,)``; not changed.
        seed: the same seed gives the same split.
        train: share of the training nodes.
        val: share of the validation nodes; the rest are test nodes.
        replace: discard a split that is already there.

    Raises:
        UserError: shares that leave a part empty, or a graph without labels.

    Example:
        >>> graph = Data(x=torch.zeros(10, 1), y=torch.tensor([0] * 9 + [-1]))
        >>> parts = split_nodes(graph, seed=0, train=0.6, val=0.2)
        >>> [int(parts[mask].sum()) for mask in MASKS]
        [5, 2, 2]
    """
    if not replace and all(mask in data for mask in MASKS):
        return data
    if data.get("y") is None:
        raise UserError("split_nodes: the graph has no labels y; add them or split its links")
    _check_shares("split_nodes", train, val, 1 - train - val)
    nodes = (data.y >= 0).nonzero().view(-1)
    nodes = nodes[torch.randperm(nodes.numel(), generator=Generator().manual_seed(seed))]
    first, second = round(train * nodes.numel()), round((train + val) * nodes.numel())
    parts = nodes[:first], nodes[first:second], nodes[second:]
    if any(part.numel() == 0 for part in parts):
        raise UserError(
            f"split_nodes: {nodes.numel()} labelled nodes are too few for shares "
            f"{train:g}/{val:g}/{1 - train - val:g}; label more nodes or change the shares"
        )
    result = copy.copy(data)
    for mask, part in zip(MASKS, parts, strict=True):
        result[mask] = torch.zeros(data.y.numel(), dtype=torch.bool).index_fill_(0, part, True)
    return result


def split_links(data: Data, seed: int, val: float = 0.05, test: float = 0.05) -> Data:
    """Hold out a share of the links for validation and test, with one non-link for each.

    Both directions of a link are in the same part, ``edge_index`` keeps the training links only,
    and no non-link is a link of any part, a loop, or drawn twice. The graph is taken as
    undirected and simple: directions, repeats and loops are dropped, and so are attributes of
    edges and the node masks, which mean nothing here.

    Args:
        data: the whole graph; not changed.
        seed: the same seed gives the same split.
        val: share of the links for validation.
        test: share of the links for test.

    Returns:
        A graph with ``edge_index``, shape ``(2, E)``, both directions of the training links, and
        ``{val,test}_{pos,neg}_edge_index``, shape ``(2, M)``, one direction each.

    Raises:
        UserError: too few links for the shares, or too few non-links.

    Example:
        >>> ring = torch.stack([torch.arange(20), (torch.arange(20) + 1) % 20])
        >>> parts = split_links(Data(edge_index=ring, num_nodes=20), seed=0, val=0.1, test=0.1)
        >>> parts.edge_index.shape, parts.val_pos_edge_index.shape, parts.test_neg_edge_index.shape
        (torch.Size([2, 32]), torch.Size([2, 2]), torch.Size([2, 2]))
    """
    _check_shares("split_links", 1 - val - test, val, test)
    num_nodes, generator = int(data.num_nodes or 0), Generator().manual_seed(seed)
    links = link_codes(data.edge_index, num_nodes)
    held_val, held_test = round(val * links.numel()), round(test * links.numel())
    if min(held_val, held_test) == 0 or held_val + held_test >= links.numel():
        raise UserError(
            f"split_links: {links.numel()} links are too few to hold out {val:g} and {test:g}; "
            "use a larger graph or larger shares"
        )
    mixed = links[torch.randperm(links.numel(), generator=generator)]
    absent = _non_links(links, num_nodes, held_val + held_test, generator)
    held = held_val + held_test

    result = copy.copy(data)
    for name in data.keys():
        if name in MASKS or name.startswith("edge_"):
            del result[name]
    train = _pairs(mixed[held:].sort().values, num_nodes)
    both = torch.cat([train, train.flip(0)], dim=1)
    result.edge_index = both[:, (both[0] * num_nodes + both[1]).argsort()]
    result.num_nodes = num_nodes
    result.val_pos_edge_index = _pairs(mixed[:held_val], num_nodes)
    result.val_neg_edge_index = _pairs(absent[:held_val], num_nodes)
    result.test_pos_edge_index = _pairs(mixed[held_val:held], num_nodes)
    result.test_neg_edge_index = _pairs(absent[held_val:], num_nodes)
    return result


def link_codes(edge_index: Tensor, num_nodes: int) -> Tensor:
    """Number the undirected links: sorted unique ``u * N + v`` with ``u < v``, without loops.

    Args:
        edge_index: shape ``(2, E)``, either or both directions.
        num_nodes: ``N``.

    Returns:
        Shape ``(L,)`` int64.
    """
    low, high = edge_index.min(dim=0).values, edge_index.max(dim=0).values
    return (low * num_nodes + high)[low < high].unique()


def _pairs(codes: Tensor, num_nodes: int) -> Tensor:
    return torch.stack([codes // num_nodes, codes % num_nodes])


def _non_links(links: Tensor, num_nodes: int, count: int, generator: Generator) -> Tensor:
    """Draw ``count`` different codes of pairs that are not linked."""
    pairs = num_nodes * (num_nodes - 1) // 2
    if pairs - links.numel() < count:
        raise UserError(
            f"split_links: the graph has {pairs - links.numel()} unlinked pairs, {count} are "
            "needed as negatives; hold out fewer links"
        )
    if pairs <= 2 * (links.numel() + count):  # dense: all pairs are no more than a few times links
        every = _pairs(torch.arange(num_nodes * num_nodes), num_nodes)
        free = link_codes(every, num_nodes)
        free = free[~torch.isin(free, links)]
        return free[torch.randperm(free.numel(), generator=generator)[:count]]
    drawn = links.new_empty(0)
    while drawn.numel() < count:
        ends = torch.randint(num_nodes, (2, 2 * count + 8), generator=generator)
        fresh = ends.min(dim=0).values * num_nodes + ends.max(dim=0).values
        fresh = fresh[(ends[0] != ends[1]) & ~torch.isin(fresh, links)]
        drawn = _first_of_each(torch.cat([drawn, fresh]))
    return drawn[:count]


def _first_of_each(codes: Tensor) -> Tensor:
    """Drop repeats and keep the order of arrival, so that the draw stays uniform."""
    order = codes.sort(stable=True)
    first = torch.ones_like(codes, dtype=torch.bool)
    first[1:] = order.values[1:] != order.values[:-1]
    return codes[order.indices[first].sort().values]


def _check_shares(who: str, *shares: float) -> None:
    if not all(0 < share < 1 for share in shares):
        raise UserError(
            f"{who}: every part needs a share between 0 and 1, got "
            f"{'/'.join(f'{share:g}' for share in shares)}; change the shares"
        )
