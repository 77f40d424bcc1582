"""What earlier requests have already asked of a new one, and how far they have come."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any

from graphforget.exact.case import STATES, Case, State
from graphforget.exact.docket import Docket
from graphforget.exact.source import Source
from graphforget.request import ForgetRequest

TAKERS = {"node": ("class",), "feature": ("class",), "edge": ("class",), "class": ("node",)}
"""Kinds of requests that may take what they do not name, by the kind of what went."""

CARRIED_OUT = State.REPAIR_QUEUED
"""No request's rows have left the disk before it came to this state."""


def not_named(docket: Docket, request: ForgetRequest) -> ForgetRequest | None:
    """The request without what others of its kind have named; None if nothing else is in it."""
    new = tuple(item for item in request.index if not docket.naming(request.kind, item))
    return replace(request, index=new) if new else None


def state_before(docket: Docket, source: Source, asked: ForgetRequest) -> State | None:
    """How far a request has come by what was asked before it.

    An item has come as far as the furthest request that named it, and a request as far as the
    last of its items. What was never there keeps nothing up.

    Args:
        docket: of the requests.
        source: of the rows.
        asked: a request of which nothing is left that no other has named.

    Returns:
        The least state; None if none of it was ever there.
    """
    rest = source.outstanding(asked, missing=True)
    items = {(one.kind, item) for one in (asked, rest or asked) for item in one.index}
    there = set(source.ids().tolist())
    reached = (_reached(docket, there, kind, item) for kind, item in items)
    return min((state for state in reached if state), key=STATES.index, default=None)


def _reached(docket: Docket, there: Container[Any], kind: str, item: Any) -> State | None:
    nodes = {"edge": item, "class": ()}.get(kind, (item,))
    cases: list[Case] = [*docket.naming(kind, item)]
    for node in nodes:
        cases += docket.naming("node", node) if node not in there else ()
    if cases:
        return max((case.state for case in cases), key=STATES.index)
    if nodes and all(node in there for node in nodes):
        return None  # an edge that never was, or features of nothing but zeros
    taken = [  # which of them took it nobody knows any more: the least is promised
        case.state for case in docket.cases()
        if case.kind in TAKERS.get(kind, ()) and not CARRIED_OUT.follows(case.state)
    ]
    return min(taken, key=STATES.index, default=None)
