"""Whether rows still hold what was forgotten, found out without knowing what that was.

The journal has forgotten ids as HMACs only. Whoever has the key can put every id that is still
there to the same test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import singledispatch
from typing import Any

import torch
from torch_geometric.data import Data

from graphforget.exact.case import Case, State, subject_of
from graphforget.exact.chain import Finding
from graphforget.exact.graph_cut import THERE


@singledispatch
def traces(rows: Any) -> Mapping[str, Iterable[Any]]:
    """What rows hold, for each kind of request the ids or pairs that such a request could name.

    Rows of a new sort register a function of their own here; others are not looked into.
    """
    return {}


@traces.register
def _(rows: Data) -> Mapping[str, Iterable[Any]]:
    """Of a graph: ``n_id``, shape ``(N,)``, has its nodes' ids where they are not their rows."""
    ids = rows.n_id if "n_id" in rows else torch.arange(rows.num_nodes or 0)
    ends = ids[rows.edge_index]
    featured = rows.x.ne(0).any(1) if "x" in rows else torch.zeros(len(ids), dtype=torch.bool)
    labelled = rows.y >= 0 if "y" in rows else torch.zeros(len(ids), dtype=torch.bool)
    there = torch.ones(len(ids), dtype=torch.bool)
    if "n_id" not in rows:  # the whole graph, where forgotten nodes are rows of nothing
        there = featured | labelled | torch.isin(ids, ends)
        there |= rows[THERE] if THERE in rows else False
    learnt = labelled & ~rows.test_mask if "test_mask" in rows else labelled
    return {
        "node": ids[there].tolist(),
        "feature": ids[featured].tolist(),
        "class": rows.y[learnt].unique().tolist() if "y" in rows else [],
        "edge": torch.stack([ends.amin(0), ends.amax(0)]).unique(dim=1).t().tolist(),
    }


def traces_left(
    rows: Any, where: str, cases: Iterable[Case], key: bytes
) -> Iterator[Finding]:
    """What requests that are purged named, and rows hold all the same.

    Args:
        rows: of slices, or the whole.
        where: what to call them.
        cases: requests of the journal.
        key: of the journal.
    """
    gone: dict[str, dict[str, str]] = {}
    for case in cases:
        if case.state is State.PURGED:
            of_kind = gone.setdefault(case.kind, {})
            of_kind |= dict.fromkeys(case.subjects, case.request_id)
    for kind, held in traces(rows).items():
        named = gone.get(kind, {})
        for one in held if named else ():
            request = named.get(subject_of(key, kind, one))
            if request is not None:
                yield Finding(where, f"holds the {kind} {one}, which request {request!r} named")
