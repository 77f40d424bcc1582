"""One slice of a graph as a file: its nodes, and the edges to slices up to its own.

Edges to another slice stand apart for each, so that a stage reads those among the slices it may
see and no others, and a change in one of the rest does not reach it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.core.files import sha256_of_tensors, write_atomically
from graphforget.exact.checked_tensors import packed, unpacked
from graphforget.removal import pair_codes

SliceRows = dict[str, Tensor]
"""``node.<attribute>``, shape ``(K, ...)``, with ``node.id`` and ``node.order``; and
``edges.<slice>``, shape ``(2, E)``, ids of both ends of the edges to that slice."""

NODE, EDGES = "node.", "edges."


def write_slice(path: Path, rows: Mapping[str, Tensor]) -> None:
    """Replace the file of a slice, whole or not at all."""
    write_atomically(path, packed(rows))


def read_slice(path: Path, others: frozenset[int] | None = None) -> SliceRows:
    """The nodes of a slice and its edges to the slices in ``others``; None for all of them.

    Raises:
        UserError: if the file is missing or damaged.
    """
    def wanted(name: str) -> bool:
        return name.startswith(NODE) or others is None or other_slice(name) in others

    try:
        return unpacked(path, wanted)
    except (OSError, ValueError) as error:
        raise UserError(
            f"slice file {path}: wanted the rows of a slice, got {error}; restore it, or write "
            "the source anew"
        ) from error


def other_slice(name: str) -> int:
    """The slice that the edges of that name lead to."""
    return int(name.removeprefix(EDGES))


def section_digests(path: Path) -> dict[int | None, str]:
    """Digest of the nodes (None) and of the edges to each slice that there are any to."""
    rows = read_slice(path)
    nodes = {name: tensor for name, tensor in rows.items() if name.startswith(NODE)}
    digests: dict[int | None, str] = {None: sha256_of_tensors(nodes)}
    for name in rows.keys() - nodes.keys():
        if rows[name].numel():
            digests[other_slice(name)] = sha256_of_tensors({name: rows[name]})
    return digests


def without_nodes(rows: SliceRows, gone: Tensor) -> SliceRows:
    """The rows without some nodes, ids of shape ``(K,)``, and without all edges at them.

    >>> rows = {"node.id": torch.tensor([1, 4]), "edges.0": torch.tensor([[1, 9], [9, 4]])}
    >>> without_nodes(rows, torch.tensor([1]))
    {'node.id': tensor([4]), 'edges.0': tensor([[9],
            [4]])}
    """
    kept = ~torch.isin(rows["node.id"], gone)
    return {
        name: tensor[kept] if name.startswith(NODE) else tensor[:, ~torch.isin(tensor, gone).any(0)]
        for name, tensor in rows.items()
    }


def without_features(rows: SliceRows, gone: Tensor) -> SliceRows:
    """The rows with zeros for the features of some nodes, ids of shape ``(K,)``."""
    x = rows["node.x"].clone()
    x[torch.isin(rows["node.id"], gone)] = 0
    return rows | {"node.x": x}


def without_edges(rows: SliceRows, gone: Tensor) -> SliceRows:
    """The rows without some edges, pairs of ids ``(2, K)``, in either direction."""
    size = 1 + max([int(gone.max()), *(int(t.max()) for n, t in rows.items()
                                       if n.startswith(EDGES) and t.numel())])
    codes = pair_codes(gone, size)
    return {
        name: tensor
        if name.startswith(NODE)
        else tensor[:, ~torch.isin(pair_codes(tensor, size), codes)]
        for name, tensor in rows.items()
    }


def row_order(salt: str, ids: list[int]) -> Tensor:
    """A number for every id by which rows are sorted, int64 ``(K,)``: a keyed hash of the id.

    One id's number does not depend on the others, so they keep their order when it leaves.
    """
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    words = [
        hashlib.blake2b(str(id).encode(), key=key, digest_size=8, person=b"order").digest()
        for id in ids
    ]
    return torch.tensor([int.from_bytes(word, "little") >> 1 for word in words], dtype=torch.int64)
