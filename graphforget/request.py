"""The request: what must be forgotten, and what is left of a data set without it."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.core.neighborhood import Adjacency
from graphforget.removal import (
    HELD_OUT_EDGES,
    OwnKinds,
    pair_codes,
    without_edges,
    without_features,
    without_nodes,
)

LARGEST_ID = 2**53 - 1  # the largest integer that every JSON reader keeps exactly


@dataclass(frozen=True)
class ForgetRequest:
    """What must go: a kind and the ids it names.

    The index is brought into a canonical form at birth: sorted, without repeats, and for edges
    with the smaller id first, since an undirected edge has no order. Two requests that ask for
    the same thing therefore share a digest, whatever order they were written in.

    Args:
        kind: ``node``, ``edge``, ``feature`` (the attributes of the listed nodes) or ``class``
            for graphs; ``user``, ``item``, ``interaction`` or ``feature`` (a field's values of a
            user) for recommenders.
        index: ids, a flat sequence of ``K`` integers, or ``K`` pairs for ``edge`` (two nodes),
            ``interaction`` (user, item) and ``feature`` where it names a user and a field; or an
            integer tensor, ``(K,)`` or ``(2, K)``.
        id: the caller's own name for the request; travels into records.
        received_at: ISO 8601 time of receipt.
        reason: free text.

    Raises:
        UserError: for an unknown kind, or ids that are empty, negative, too large, no integers or
            of the wrong shape.

    >>> ForgetRequest("edge", [[7, 5], [5, 7], [1, 2]]).index
    ((1, 2), (5, 7))
    >>> ForgetRequest("node", [3, 1, 3]) == ForgetRequest("node", (1, 3))
    True
    """

    kind: str
    index: tuple[Any, ...]
    id: str | None = None
    received_at: str | None = None
    reason: str | None = None

    FLAT: ClassVar[tuple[str, ...]] = ("node", "feature", "class", "user", "item")
    PAIRS: ClassVar[tuple[str, ...]] = ("edge", "interaction")

    def __post_init__(self) -> None:
        if self.kind not in self.FLAT + self.PAIRS:
            kinds = ", ".join(self.FLAT + self.PAIRS)
            raise UserError(f"request kind: wanted one of {kinds}, got {self.kind!r}")
        object.__setattr__(self, "index", _canonical_index(self.kind, self.index))
        for name in ("id", "received_at", "reason"):
            _check_text(name, getattr(self, name))
        if self.received_at is not None:
            try:
                datetime.fromisoformat(self.received_at)
            except ValueError:
                raise UserError(
                    "request received_at: wanted an ISO 8601 time such as "
                    f"2026-11-24T10:00:00Z, got {self.received_at!r}"
                ) from None

    @property
    def digest(self) -> str:
        """Sha256 of the canonical form: the identity of what is asked, not of who asked it."""
        canonical = json.dumps([self.kind, self.index], separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def size(self) -> int:
        """Number of ids or pairs named, ``K``."""
        return len(self.index)

    @property
    def tensor(self) -> Tensor:
        """The ids as int64, shape ``(K,)``, or ``(2, K)`` for pairs."""
        ids = torch.tensor(self.index, dtype=torch.int64)
        return ids.t().contiguous() if ids.dim() == 2 else ids

    def named(self, data: Data) -> tuple[str, Tensor]:
        """What is named in nodes and edges of a graph: a graph's kind and ids on its device.

        Args:
            data: the graph; one with `OwnKinds` says what its own kinds mean.
        """
        ids = self.tensor.to(data.edge_index.device)
        if isinstance(data, OwnKinds) and self.kind in data.kinds:
            return data.in_graph(self.kind, ids)
        return self.kind, ids

    def nodes(self, data: Data) -> Tensor:
        """Ids of the nodes that the request names, shape ``(K,)``; endpoints for an edge request.

        They are on the device of the graph.
        A class request names every node that carries the label and is not held out for testing:
        test nodes stay, so that it can be measured whether the class is still recognised.
        """
        kind, ids = self.named(data)
        if kind == "edge":
            return ids.unique()
        if kind != "class":
            return ids if ids.dim() == 1 else ids[0].unique()
        named = torch.isin(data.y, ids)
        if "test_mask" in data:
            named &= ~data.test_mask
        return named.nonzero().flatten()

    def check(self, data: Data, missing: bool = False) -> None:
        """Raise a `UserError` if ``data`` does not hold what the request names.

        Args:
            data: the graph.
            missing: allow edges that are not there.
        """
        if isinstance(data, OwnKinds) and self.kind in data.kinds:
            data.check_named(self.kind, self.index, missing)
            return
        if self.kind in ("user", "item", "interaction"):
            raise UserError(
                f"request kind: a graph can forget node, edge, feature or class, got "
                f"{self.kind!r}; use the recsys command for recommenders"
            )
        if self.kind == "class":
            if not isinstance(data.get("y"), Tensor):
                raise UserError("class request: wanted a graph with labels y, got one without")
            absent = set(self.index) - set(data.y.unique().tolist())
            if absent:
                raise UserError(
                    f"class request: wanted classes of the graph, got {min(absent)}, which no "
                    "node carries; check the labels"
                )
            return
        if self.kind == "feature" and self.tensor.dim() == 2:
            raise UserError(
                "feature request: a graph can forget the attributes of nodes, named by a flat list "
                "of ids, got pairs; pairs of a user and a field are for click tables"
            )
        largest = max(max(pair) for pair in self.index) if self.kind == "edge" else self.index[-1]
        if largest >= data.num_nodes:
            raise UserError(
                f"{self.kind} request: wanted ids below {data.num_nodes} (the number of nodes), "
                f"got {largest}; ids count from 0"
            )
        if self.kind == "edge" and not missing:
            known = torch.isin(_codes(self, data), pair_codes(_all_edges(data), data.num_nodes))
            if not bool(known.all()):
                first = self.index[int((~known).nonzero()[0])]
                raise UserError(
                    f"edge request: {int((~known).sum())} of {self.size} edges are not in the "
                    f"graph, the first is {list(first)}; check the ids, or let them "
                    "pass with --missing ignore, in Python with missing=True"
                )

    def held_by(self, data: Data, original: Data | None = None) -> bool:
        """Whether a graph still holds any of what the request names.

        Loops do not count: layers and transforms put them at every node.

        Args:
            data: the graph looked at.
            original: the graph before the request, with the same node ids, whose labels say what
                belongs to a class; by default ``data`` itself.

        >>> pair = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1], [1, 0]]))
        >>> request = ForgetRequest("edge", [[0, 1]])
        >>> request.held_by(pair), request.held_by(request.retained(pair))
        (True, False)
        """
        stored = [data.edge_index, *(data[name] for name in HELD_OUT_EDGES if name in data)]
        pairs = torch.cat(stored, dim=1)
        whole = data if original is None else original
        kind, ids = self.named(whole)
        ids = ids.to(pairs.device)
        if kind == "edge":
            codes = pair_codes(pairs, data.num_nodes)
            return bool(torch.isin(codes, pair_codes(ids, data.num_nodes)).any())
        if ids.dim() == 2:
            return bool(data.x[ids[0], ids[1]].any())
        nodes = self.nodes(whole).to(pairs.device)
        if bool(data.x[nodes].any()):
            return True
        if kind == "feature":
            return False
        linked = torch.isin(pairs, nodes).any(0) & (pairs[0] != pairs[1])
        labelled = isinstance(data.get("y"), Tensor) and bool((data.y[nodes] >= 0).any())
        return labelled or bool(linked.any())

    def retained(self, data: Data) -> Data:
        """The data without what the request names; node ids are kept, ``data`` is not changed."""
        kind, ids = self.named(data)
        match kind:
            case "edge":
                return without_edges(data, ids)
            case "feature":
                return without_features(data, ids)
            case "node" | "class":
                return without_nodes(data, self.nodes(data))
            case _:
                raise UserError(f"request kind: a graph has no {kind!r} to forget")

    def probe(self, data: Data) -> Data:
        """The retained graph with the forgotten items' own attributes put back.

        This is what a stranger can present to a model to find out whether it has seen an item:
        its features, without the connections and labels that the data no longer holds.
        """
        bare = copy.copy(data)
        bare.x = data.x[:, :0]  # retained() would copy the features only for us to put them back
        result = self.retained(bare)
        result.x = data.x
        return result

    def affected(self, data: Data, hops: int) -> Tensor:
        """Mask ``(N,)`` of the nodes whose output can change in a network of ``hops`` layers.

        Where edges leave, the degrees of their ends change, and layers that normalise by degree
        carry that one hop further; a node takes its edges along, so its neighbours count as ends.
        """
        reach = hops + 1 if self.named(data)[0] in ("node", "class") else hops
        flow = torch.cat([data.edge_index, data.edge_index.flip(0)], dim=1)
        mask = torch.zeros(data.num_nodes, dtype=torch.bool, device=data.edge_index.device)
        mask[Adjacency.of(flow, data.num_nodes).khop(self.nodes(data), reach)] = True
        return mask


def _canonical_index(kind: str, index: Any) -> tuple[Any, ...]:
    """Sorted ids without repeats; pairs of an edge with the smaller id first."""
    if isinstance(index, Tensor):
        index = (index.t() if index.dim() == 2 else index).tolist()
    if not isinstance(index, (list, tuple)):
        raise UserError(f"{kind} request: wanted a list of ids, got {type(index).__name__}")
    if not index:
        raise UserError(f"{kind} request: wanted at least one id, got an empty list")
    pairs_of_features = kind == "feature" and all(isinstance(e, (list, tuple)) for e in index)
    if kind not in ForgetRequest.PAIRS and not pairs_of_features:
        return tuple(sorted({_checked_id(kind, entry) for entry in index}))
    pairs = set()
    for entry in index:
        if not isinstance(entry, (list, tuple)) or len(entry) != 2:
            raise UserError(f"{kind} request: wanted pairs such as [12, 80], got {_short(entry)}")
        first, second = (_checked_id(kind, end) for end in entry)
        swap = kind == "edge" and second < first
        pairs.add((second, first) if swap else (first, second))
    return tuple(sorted(pairs))


def _checked_id(kind: str, entry: Any) -> int:
    if isinstance(entry, bool) or not isinstance(entry, int):
        raise UserError(f"{kind} request: wanted whole numbers as ids, got {_short(entry)}")
    if not 0 <= entry <= LARGEST_ID:
        raise UserError(f"{kind} request: wanted ids from 0 to 2^53-1, got {_short(entry)}")
    return entry


def _check_text(name: str, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= 1000):
        raise UserError(f"request {name}: wanted 1 to 1000 characters, got {_short(value)}")


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."


def _codes(request: ForgetRequest, data: Data) -> Tensor:
    return pair_codes(request.tensor.to(data.edge_index.device), data.num_nodes)


def _all_edges(data: Data) -> Tensor:
    """Training edges and held-out positives together, shape ``(2, E)``: all true edges."""
    held_out = [data[k] for k in ("val_pos_edge_index", "test_pos_edge_index") if k in data]
    return torch.cat([data.edge_index, *held_out], dim=1)
