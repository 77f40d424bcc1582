"""Kill -9 of host actors and of the router on a cluster, and a node that is gone, mid-stream."""

from __future__ import annotations

import os
import random
import signal
import threading

import pytest

from graphforget.exact.actors import connected
from graphforget.exact.key import SIZE
from graphforget.exact.ray_hosts import RayHosts
from graphforget.exact.remote_router import RemoteRouter
from tests.exact.chaos.streams import big_graph, check_acknowledged, check_end, stream
from tests.exact.systems import KEY, made

pytestmark = [pytest.mark.slow, pytest.mark.ray]


@pytest.fixture
def service(tmp_path):
    """A folder with a key beside it, and the graph's stream of deletions."""
    assert len(KEY) == SIZE
    (tmp_path / "svc.key").write_text(KEY.hex())
    data = big_graph()
    return made(tmp_path / "svc", data), stream(data, seed=7)


class Asking:
    """Somebody who asks all the time; no answer may fail."""

    def __init__(self, router: RemoteRouter) -> None:
        self.answers = 0
        self.failures: list[BaseException] = []
        self._router, self._ended = router, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ended.wait(0.05):
            try:
                assert self._router.predict().shape == (300, 3)
                self.answers += 1
            except BaseException as error:
                self.failures.append(error)


def pids(router: RemoteRouter, who: str) -> list[int]:
    """Processes of the router, or of the hosts that are there."""
    status = router.status()
    return [status["pid"]] if who == "router" else [
        host["pid"] for host in status["hosts"] if "pid" in host
    ]


@pytest.mark.parametrize("who", ["host", "router"])
def test_kills_of_actors(tmp_path, service, who):
    folder, requests = service
    dice = random.Random(who)
    killings = {requests[n].id for n in dice.sample(range(10, 190), 3)}
    ray = connected("local", num_cpus=2)
    done: list[str] = []
    try:
        router = RemoteRouter(folder, every=1.0)
        with Asking(router) as asking:
            for request in requests:
                if request.id in killings:
                    victim = dice.choice(pids(router, who))
                    delay = dice.uniform(0, 0.05)  # within this deletion or one of the next
                    threading.Timer(delay, os.kill, (victim, signal.SIGKILL)).start()
                assert router.forget(request).acknowledged
                done.append(request.id)
            check_acknowledged(folder, done)
        assert asking.failures == [] and asking.answers > 20
        assert not router.repair(set_aside=True).failed
        router.stop()
    finally:
        ray.shutdown()
    check_end(folder, requests, tmp_path / "fresh")


def test_a_node_that_is_gone_mid_stream(tmp_path, service):
    from ray.cluster_utils import Cluster

    folder, requests = service
    health = {
        "health_check_initial_delay_ms": 500, "health_check_period_ms": 500,
        "health_check_failure_threshold": 4,
    }
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "include_dashboard": False, "_system_config": health},
    )
    ray = None
    try:
        leaving = cluster.add_node(num_cpus=2)
        ray = connected(cluster.address)
        router = RemoteRouter(folder, every=1.0)
        homes = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        assert len(homes) == 2
        with Asking(router) as asking:
            for number, request in enumerate(requests):
                if number == 60:
                    hosts = RayHosts(folder)
                    hosts.start()
                    before = hosts.call_all("status")
                    assert len({one["pid"] for one in before}) == 2
                    cluster.remove_node(leaving, allow_graceful=False)
                assert router.forget(request).acknowledged
        assert asking.failures == [] and asking.answers > 20
        assert sum(node["Alive"] for node in ray.nodes()) == 1
        after = hosts.call_all("status")
        assert {one["pid"] for one in after} != {one["pid"] for one in before}
        assert not router.repair(set_aside=True).failed
        router.stop()
    finally:
        if ray is not None:
            ray.shutdown()
        cluster.shutdown()
    check_end(folder, requests, tmp_path / "fresh")
