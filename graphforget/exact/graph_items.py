"""What a request names in a graph: what of it is still there, and in which slices it meets."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.graph_cut import THERE
from graphforget.exact.placement import Placement
from graphforget.exact.source import Hit
from graphforget.removal import pair_codes
from graphforget.request import ForgetRequest


def left_of(
    request: ForgetRequest, whole: Data, classes: int, missing: bool
) -> ForgetRequest | None:
    """What is still to be forgotten of a request, a class by its nodes; None if nothing is.

    Args:
        request: what is asked.
        whole: the graph, with the mask `THERE` of shape ``(N,)``.
        classes: how many there are.
        missing: let pass edges that were never there.

    Raises:
        UserError: if it names what was never there, or is of a kind that graphs do not know.
    """
    there = whole[THERE]
    match request.kind:
        case "node" | "feature":
            _check_ids(request, request.tensor, len(there))
            left = request.tensor[there[request.tensor]]
            if request.kind == "feature":
                left = left[(whole.x[left] != 0).any(1)]
        case "class":
            if request.index[-1] >= classes:
                raise UserError(
                    f"class request: wanted classes below {classes}, got "
                    f"{request.index[-1]}; check the labels"
                )
            left = request.nodes(whole)
        case "edge":
            _check_ids(request, request.tensor.unique(), len(there))
            left = _edges_left(request, whole, missing)
        case _:
            raise UserError(
                f"request kind: a graph can forget node, edge, feature or class, got "
                f"{request.kind!r}; use the recsys command for recommenders"
            )
    if left.numel() == 0:
        return None
    kind = "node" if request.kind == "class" else request.kind
    return ForgetRequest(kind, left, request.id, request.received_at, request.reason)  # type: ignore[arg-type]


def meetings(request: ForgetRequest, placement: Placement) -> Iterator[tuple[Any, int, Hit]]:
    """Each item of a request that a stage can have seen, its shard, and the slices it meets in.

    An edge between shards is left out: it taught nothing.

    >>> list(meetings(ForgetRequest("node", (13,)), Placement(4, 4, salt="mine")))
    [(13, 1, frozenset({3}))]
    """
    for item in request.index:
        nodes = item if request.kind == "edge" else (item,)
        places = [placement.place(node) for node in nodes]
        if len({shard for shard, _ in places}) == 1:
            yield item, places[0][0], frozenset(slice for _, slice in places)


def outside(
    request: ForgetRequest, shards: Container[int], placement: Placement
) -> ForgetRequest | None:
    """The request without the items that stand in some shards; None if it names nothing else.

    >>> outside(ForgetRequest("node", (13,)), {1}, Placement(4, 4, salt="mine")) is None
    True
    """
    inside = {item for item, shard, _ in meetings(request, placement) if shard in shards}
    kept = tuple(item for item in request.index if item not in inside)
    return replace(request, index=kept) if kept else None


def _check_ids(request: ForgetRequest, ids: Tensor, size: int) -> None:
    if int(ids.max()) >= size:
        raise UserError(
            f"{request.kind} request: wanted ids below {size} (the number of nodes), got "
            f"{int(ids.max())}; ids count from 0"
        )


def _edges_left(request: ForgetRequest, whole: Data, missing: bool) -> Tensor:
    pairs, size = request.tensor, len(whole[THERE])
    known = torch.isin(pair_codes(pairs, size), pair_codes(whole.edge_index, size))
    unknown = ~known & whole[THERE][pairs].all(0)  # an edge at a forgotten node went with it
    if bool(unknown.any()) and not missing:
        first = pairs[:, unknown][:, 0].tolist()
        raise UserError(
            f"edge request: {int(unknown.sum())} of {request.size} edges are not in the graph, "
            f"the first is {first}: it never was or was forgotten already; check the ids, or "
            "let it pass with --missing ignore, in Python with missing=True"
        )
    return pairs[:, known]
