"""What a receipt says of ids that were asked for before, by whatever request, or never were."""

from __future__ import annotations

import pytest

from graphforget.core.errors import UserError
from graphforget.exact.case import State
from graphforget.exact.service import Service
from graphforget.request import ForgetRequest
from tests.exact.systems import copied, graph, made, serving


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return made(tmp_path_factory.mktemp("earlier") / "svc", graph())


@pytest.fixture
def folder(original, tmp_path):
    return copied(original, tmp_path / "svc")


def asked(service: Service, kind: str, *index, missing: bool = False) -> tuple[State, bool]:
    """The state and ``known`` of a receipt for which nothing was to be done."""
    before = len(service.journal.cases())
    receipt = service.forget(ForgetRequest(kind, index), missing)
    assert receipt.epoch is None and len(service.journal.cases()) == before
    assert receipt.absent is not receipt.known
    return receipt.state, receipt.known


def absent_edge() -> tuple[int, int]:
    linked = set(map(tuple, graph().edge_index.T.tolist()))
    return next((9, b) for b in range(10, 60) if (9, b) not in linked)


def test_the_furthest_request_for_an_item_counts_and_the_last_item_of_a_request(folder):
    with serving(folder) as (service, repairer):
        service.forget(ForgetRequest("node", (3, 4), id="done"))
        repairer.once()
        service.forget(ForgetRequest("node", (4, 17), id="open"))
        assert asked(service, "node", 3) == asked(service, "node", 3, 4) == (State.PURGED, True)
        assert asked(service, "node", 3, 17) == (State.DEACTIVATED, True)
        assert asked(service, "feature", 3) == (State.PURGED, True)
        edge = next(tuple(one) for one in graph().edge_index.T.tolist() if 3 in one)
        assert asked(service, "edge", edge) == (State.PURGED, True)


def test_a_class_takes_nodes_that_nobody_named(folder):
    node = int((graph().y == 1).nonzero()[0])
    with serving(folder) as (service, repairer):
        service.forget(ForgetRequest("class", (1,), id="one"))
        assert asked(service, "class", 1) == (State.DEACTIVATED, True)
        repairer.once()
        service.forget(ForgetRequest("class", (2,), id="two"))
        assert asked(service, "node", node) == (State.PURGED, True)
        assert asked(service, "feature", node) == (State.PURGED, True)
        edge = next(tuple(one) for one in graph().edge_index.T.tolist() if node in one)
        assert asked(service, "edge", edge) == (State.PURGED, True)
        assert asked(service, "class", 1, 2) == (State.DEACTIVATED, True)


def test_nodes_named_one_by_one_take_their_class_along(folder):
    data = graph()
    nodes = ForgetRequest("class", (0,)).nodes(data).tolist()
    with serving(folder) as (service, repairer):
        service.forget(ForgetRequest("node", nodes[:3]))
        repairer.once()
        service.forget(ForgetRequest("node", nodes[3:]))
        assert asked(service, "class", 0) == (State.DEACTIVATED, True)
        repairer.once()
        assert asked(service, "class", 0) == (State.PURGED, True)


def test_what_never_was_is_said_to_be_absent_and_holds_nothing_up(folder):
    edge = absent_edge()
    with serving(folder) as (service, repairer):
        service.forget(ForgetRequest("node", (17,), id="open"))
        with pytest.raises(UserError, match="never was"):
            service.forget(ForgetRequest("edge", (edge,)))
        assert asked(service, "edge", edge, missing=True) == (State.PURGED, False)
        service.forget(ForgetRequest("node", (edge[0],), id="its end"))
        assert asked(service, "edge", edge, missing=True) == (State.PURGED, False)
        there = tuple(graph().edge_index[:, 0].tolist())
        service.forget(ForgetRequest("edge", (there,)))
        assert asked(service, "edge", edge, there, missing=True) == (State.DEACTIVATED, True)
