"""Requests as verbs take them: from a file, from a sample's description, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.data.sample_text import parse_sample
from graphforget.removal import pair_codes
from graphforget.request import ForgetRequest
from graphforget.request_file import read_requests, to_json
from graphforget.trained import Trained


def asked_for(
    file: Path | None, samples: Sequence[str], trained: Trained, seed: int
) -> list[ForgetRequest]:
    """The requests of a file, or those drawn by samples such as ``edges:5%:in``.

    Raises:
        UserError: unless exactly one of both is given, or if one of them is malformed.
    """
    if (file is None) == (not samples):
        raise UserError("wanted either --request FILE or --sample TEXT, such as nodes:5%")
    if file is not None:
        return read_requests(file)
    return [
        parse_sample(text, trained.data, trained.task, seed, trained.learner) for text in samples
    ]


def in_order(
    requests: Sequence[ForgetRequest], data: Data, missing: str
) -> Iterator[ForgetRequest]:
    """Check each request against the data that those before it leave; ``data`` is not changed.

    Args:
        requests: in the order of carrying out.
        data: the graph before the first.
        missing: ``error`` for edges that are not there and for requests that name nothing that
            is, or ``ignore`` to leave them out.

    Yields:
        The requests as they can be carried out; one of which nothing is left is passed over.

    Raises:
        UserError: naming the request, where there are several.
    """
    for number, request in enumerate(requests, 1):
        there: ForgetRequest | None = request
        try:
            request.check(data, missing=missing == "ignore")
            if missing == "ignore":
                there = narrowed(request, data)
            elif not request.held_by(data):
                raise UserError(
                    f"{request.kind} request: nothing that it names is in the data, it may have "
                    "been forgotten before; leave it out or pass --missing ignore"
                )
        except UserError as error:
            where = f"request {number} of {len(requests)}: " if len(requests) > 1 else ""
            raise UserError(f"{where}{error}") from None
        if there is not None:
            yield there
            data = there.retained(data)


def narrowed(request: ForgetRequest, data: Data) -> ForgetRequest | None:
    """A request for what the graph has of it: edges that are not there left out; None for nothing.

    >>> path = Data(edge_index=torch.tensor([[0, 1], [1, 0]]), num_nodes=3)
    >>> narrowed(ForgetRequest("edge", [[0, 1], [1, 2]]), path).index
    ((0, 1),)
    """
    if request.kind != "edge":
        return request if request.held_by(data) else None
    held = [data[key] for key in ("val_pos_edge_index", "test_pos_edge_index") if key in data]
    known = pair_codes(torch.cat([data.edge_index, *held], dim=1), data.num_nodes)
    there = torch.isin(pair_codes(request.tensor.to(known.device), data.num_nodes), known)
    kept = tuple(pair for pair, keep in zip(request.index, there.tolist(), strict=True) if keep)
    return replace(request, index=kept) if kept else None


def joined(requests: Sequence[ForgetRequest], data: Data) -> ForgetRequest:
    """Several requests as the one that asks for the same, so that they are judged together.

    Raises:
        UserError: if their kinds cannot be said in one request.

    >>> joined([ForgetRequest("node", [3]), ForgetRequest("node", [1])], Data()).index
    (1, 3)
    """
    if len(requests) == 1:
        return requests[0]
    kinds = {request.kind for request in requests}
    names = ", ".join(request.id for request in requests if request.id)[:1000] or None
    if len(kinds) == 1:
        index = tuple(i for request in requests for i in request.index)
        return ForgetRequest(kinds.pop(), index, names)
    if kinds == {"node", "class"}:
        named = torch.cat([request.nodes(data) for request in requests])
        return ForgetRequest("node", tuple(named.unique().tolist()), names)
    raise UserError(
        f"the run carried out requests of the kinds {', '.join(sorted(kinds))} at once, which "
        "cannot be judged together; forget them in one run each"
    )


def as_file(requests: Sequence[ForgetRequest]) -> str:
    """The text of a request file: one object, or one a line."""
    return "".join(f"{to_json(request)}\n" for request in requests)
