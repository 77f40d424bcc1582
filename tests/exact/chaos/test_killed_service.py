"""Kill -9 of the service at any moment of a stream: nothing acknowledged is lost or half done."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from graphforget.exact.hosts import LocalHosts
from graphforget.exact.ledger import Ledger
from graphforget.exact.repair import Repairer
from graphforget.exact.service import Service
from graphforget.request import ForgetRequest
from tests.exact.chaos.streams import (
    big_graph,
    check_acknowledged,
    check_end,
    check_served,
    stream,
)
from tests.exact.systems import KEY, made

pytestmark = pytest.mark.slow


def in_child(work: Callable[[], None], kill_after: float | None = None) -> bool:
    """Run in a process of its own, which may be killed; whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "the service failed of itself"
    return True


def dying(moment: int) -> None:
    """Kill this process at the n-th time that something is to reach the disk."""
    left = moment

    def wrapped(call):
        def counted(*arguments, **named):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return counted

    for name in ("fsync", "replace", "rename", "unlink", "pwrite"):
        setattr(os, name, wrapped(getattr(os, name)))
    Path.unlink = wrapped(Path.unlink)
    append = Ledger.append
    Ledger.append = wrapped(lambda self, entries: wrapped(append)(self, entries))


def serve(
    folder: Path, requests: list[ForgetRequest], client: Path, moment: int | None, seed: int
) -> None:
    """Serve the rest of a stream, as its client sees it; answers and repairs go on meanwhile."""
    dice = random.Random(seed)
    done = client.read_text().split()
    if moment is not None:
        dying(moment)
    service = Service(folder, LocalHosts(folder), KEY).start()
    check_acknowledged(folder, done)
    repairer = Repairer(service)
    repairer.start(every=0.2)
    answers_rightly(service, requests, done, client)
    for request in requests:
        if request.id in done:
            continue
        assert service.forget(request).acknowledged
        with open(client, "a") as file:
            file.write(f"{request.id}\n")
        done.append(request.id)
        if dice.random() < 0.05:
            answers_rightly(service, requests, done, client)
        elif dice.random() < 0.2:
            assert service.predict().shape == (300, 3)
    repairer.stop()
    assert repairer.last_error is None
    while service.journal.cases()[-1].state != "PURGED":
        assert not repairer.once(set_aside=True).failed
    service.close()


def answers_rightly(
    service: Service, requests: list[ForgetRequest], done: list[str], client: Path
) -> None:
    """No stage that answers has seen what is acknowledged."""
    acknowledged = [request for request in requests if request.id in done]
    served: dict[int, list[str]] = {}
    assert service.predict().shape == (300, 3)
    for host in service.hosts._hosts:
        with host._responder._busy:  # a repair may just have dropped them
            rows = host._responder._rows_without(host._snapshot.removed.values())
        assert not any(request.held_by(rows, original=rows) for request in acknowledged)
        for shard, state in host._snapshot.shards.items():
            paths = state.served(service.system.plan)
            served[shard] = [
                state.stages[one] for path in paths for one in service.system.plan.lineage(path)
            ]
    place = client.parent / f"rows-{time.monotonic_ns()}"
    check_served(service.system.layout.folder, acknowledged, served, place)


@pytest.mark.parametrize("seed", [0, 1])
def test_kills_at_random_points_of_a_stream(tmp_path, seed):
    dice = random.Random(seed)
    data = big_graph()
    folder, requests = made(tmp_path / "svc", data), stream(data, seed)
    client = tmp_path / "client.txt"
    client.touch()
    kills = 0
    ended = False
    while not ended:
        if kills >= 25:
            moment, after = None, None
        elif kills % 2:
            moment, after = dice.randrange(1, 120), None
        else:
            moment, after = None, dice.uniform(0.02, 1.5)
        ended = in_child(lambda m=moment, s=kills: serve(folder, requests, client, m, s), after)
        kills += not ended
    assert kills >= 10
    assert len(client.read_text().split()) == len(requests)
    check_end(folder, requests, tmp_path / "fresh")
