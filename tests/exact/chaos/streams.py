"""Streams of deletions, and what must hold of a service whatever was killed meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from torch_geometric.data import Data

from graphforget.exact.case import State
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.host_log import unchained
from graphforget.exact.journal_check import read_cases
from graphforget.exact.layout import open_system
from graphforget.exact.train_shard import stage_addresses
from graphforget.exact.verify import verify
from graphforget.request import ForgetRequest
from tests.exact.systems import KEY, equal_weights, graph, made

LENGTH = 200


def big_graph() -> Data:
    """300 nodes, so that a stream does not use them up."""
    return graph(size=100)


def stream(data: Data, seed: int, length: int = LENGTH) -> list[ForgetRequest]:
    """Deletions of nodes, features and edges, each of something that the others leave."""
    dice = random.Random(seed)
    nodes = dice.sample(range(data.num_nodes), length * 4 // 5)
    gone, bare = nodes[: length * 3 // 5], nodes[length * 3 // 5 :]
    edges = [
        (u, v) for u, v in data.edge_index.t().tolist() if u < v and not {u, v} & set(gone)
    ]
    asked = [("node", one) for one in gone] + [("feature", one) for one in bare]
    asked += [("edge", one) for one in dice.sample(edges, length - len(asked))]
    dice.shuffle(asked)
    return [ForgetRequest(kind, (one,), f"req-{n}") for n, (kind, one) in enumerate(asked)]


def left_of(data: Data, requests: Iterable[ForgetRequest]) -> Data:
    """The graph without what requests name."""
    for request in requests:
        data = request.retained(data)
    return data


def check_served(
    folder: Path,
    acknowledged: Sequence[ForgetRequest],
    served: Mapping[int, Iterable[str]],
    place: Path,
) -> None:
    """All stages that answer are those of a service that was trained without what is gone.

    Args:
        folder: of the service.
        acknowledged: the requests.
        served: for each shard, addresses of the stages that answer, and of those they stand on.
        place: for the rows of that other service; it must not be there.
    """
    system = open_system(folder)
    rows = GraphSource.write(place, left_of(big_graph(), acknowledged), system.plan)
    for shard, addresses in served.items():
        rightful = stage_addresses(
            system.plan, system.recipe, rows, system.files, shard, system.manifest.seed
        )
        assert set(addresses) <= set(rightful.values()), f"shard {shard} serves a dead stage"


def check_acknowledged(folder: Path, names: Iterable[str]) -> None:
    """The journal knows of every acknowledgement that a client has, and each request once."""
    cases = read_cases(folder / "journal.db")
    for name in names:
        state = cases[name].state
        assert not State.DEACTIVATED.follows(state), f"{name} was acknowledged and is {state}"


def check_end(folder: Path, requests: Sequence[ForgetRequest], place: Path) -> None:
    """After the last repair the service is the one that never saw what is gone.

    Args:
        folder: of the service, which nobody serves.
        requests: all that were acknowledged.
        place: for that other service; it must not be there.
    """
    cases = read_cases(folder / "journal.db")
    assert {case.state for case in cases.values()} == {State.PURGED}
    assert set(cases) == {request.id for request in requests}
    assert equal_weights(folder, made(place, left_of(big_graph(), requests)))
    assert verify(folder, KEY) == []
    system = open_system(folder)
    for host in range(len(system.groups)):
        log = system.layout.host_log(host)
        told = [line["delete"] for line in unchained(log.read_bytes(), str(log))[0]
                if "delete" in line]
        assert len(told) == len(set(told)), "a deletion was applied twice"
