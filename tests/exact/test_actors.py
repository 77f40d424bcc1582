"""Shard hosts and router as actors: the same answers, found again by name, back after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from graphforget.core.errors import UserError
from graphforget.exact.actors import PLACES, connected, named, running
from graphforget.exact.case import State
from graphforget.exact.key import key_at
from graphforget.exact.layout import open_system
from graphforget.exact.ray_hosts import RayHosts
from graphforget.exact.remote_router import RemoteRouter
from graphforget.exact.repair import Repairer
from graphforget.exact.router import key_beside
from graphforget.exact.service import Service
from graphforget.exact.stopping import stop
from graphforget.request import ForgetRequest
from tests.exact.systems import (
    KEY,
    PLAN,
    Poisoned,
    copied,
    equal_weights,
    graph,
    made,
    serving,
    wanted,
    weights,
)

pytestmark = [pytest.mark.slow, pytest.mark.ray]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "auto"])
def test_a_cluster_that_is_not_there_is_told(address):
    words = (
        "from graphforget.exact.actors import connected\n"
        f"try: connected({address!r})\n"
        "except ValueError as error: print(type(error).__name__, error)"
    )
    clean = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    told = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, env=clean, timeout=120
    ).stdout
    assert told.startswith(f"UserError --address {address}: there is no Ray cluster"), told


@pytest.fixture(scope="module")
def ray():
    found = connected("local", num_cpus=2)
    try:
        yield found
    finally:
        found.shutdown()


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return made(tmp_path_factory.mktemp("actors") / "svc", graph())


def key_file(place: Path) -> Path:
    path = place / "the.key"
    path.write_text(KEY.hex())
    return path


def node(*ids: int) -> ForgetRequest:
    return ForgetRequest("node", ids, f"req-{ids[0]}")


def test_actors_answer_and_repair_as_objects_do(ray, original, tmp_path):
    here, there = copied(original, tmp_path / "here"), copied(original, tmp_path / "there")
    hosts = RayHosts(there)
    try:
        with serving(here) as (local, fixer), Service(there, hosts, KEY) as remote:
            np.testing.assert_array_equal(remote.predict(), local.predict())
            for number in (3, 17, 44):
                local.forget(node(number))
                assert remote.forget(node(number)).acknowledged
                np.testing.assert_array_equal(remote.predict(), local.predict())
            fixer.once()
            assert not Repairer(remote).once().failed
            np.testing.assert_array_equal(remote.predict(), local.predict())
    finally:
        hosts.stop()
    assert equal_weights(here, there)


def test_router_and_hosts_come_back_after_a_kill_and_are_found_again(ray, original, tmp_path):
    folder = copied(original, tmp_path / "svc")
    with RemoteRouter(folder) as router:
        try:
            assert router.forget(node(3)).acknowledged
            before = router.predict()
            status = router.status()
            os.kill(status["hosts"][0]["pid"], signal.SIGKILL)
            assert router.predict().shape == (60, 3)  # the other host goes on
            assert RemoteRouter(folder).forget(node(3)).known
            os.kill(status["pid"], signal.SIGKILL)
            assert router.forget(node(17)).acknowledged
            assert not np.array_equal(router.predict(), before)
            router.repair()
            assert router.status()["requests"][State.PURGED] == 2
            with pytest.raises(UserError, match="ids below 60"):
                router.forget(node(60))
        finally:
            router.stop()
    assert set(weights(folder)) == wanted(folder)


def test_stopping_ends_what_runs_and_starts_nothing(ray, original, tmp_path):
    folder = copied(original, tmp_path / "svc")
    assert stop(ray, folder) == [] and running(ray, folder) == []
    router = RemoteRouter(folder)
    assert router.forget(node(3)).acknowledged
    os.kill(router.status()["hosts"][1]["pid"], signal.SIGKILL)  # one that is being started again
    assert stop(ray, folder) == ["host-0", "host-1", "router"]
    assert running(ray, folder) == [] and stop(ray, folder) == []
    with pytest.raises(ValueError):
        ray.util.get_placement_group(named(folder, PLACES))
    with serving(folder, key_at(key_beside(folder))) as (service, _):
        assert service.forget(node(3)).known


def test_stopping_ends_hosts_whose_router_is_gone(ray, original, tmp_path):
    folder = copied(original, tmp_path / "svc")
    RayHosts(folder).start()
    assert stop(ray, folder) == ["host-0", "host-1"] and running(ray, folder) == []


def test_damaged_and_missing_stages_are_trained_anew_on_the_cluster(ray, original, tmp_path):
    folder = copied(original, tmp_path / "svc")
    before = weights(folder)
    router = RemoteRouter(folder)
    try:
        answers = router.predict()
        files = open_system(folder).files
        damaged = files.path(0, files.addresses(0)[0])
        damaged.write_bytes(damaged.read_bytes()[:-4] + b"oops")
        files.path(1, files.addresses(1)[-1]).unlink()
        repair = router.repair()
        assert repair.shards == (0, 1) and not repair.failed
        assert weights(folder).keys() == before.keys()
        np.testing.assert_array_equal(router.predict(), answers)
        assert router.repair().shards == ()
    finally:
        router.stop()
    assert equal_weights(folder, original)


def test_why_a_router_cannot_start_is_told(ray, original, tmp_path):
    folder = copied(original, tmp_path / "svc")
    with serving(folder), pytest.raises(UserError, match="another process writes"):
        RemoteRouter(folder, key=key_file(tmp_path)).status()


def test_a_request_that_kills_hosts_is_set_aside_and_answers_go_on(ray, tmp_path):
    folder = made(tmp_path / "svc", graph(), source=Poisoned)
    router = RemoteRouter(folder, known=(Poisoned,))
    try:
        assert router.forget(node(17)).acknowledged
        assert router.predict().shape == (60, 3)
        assert router.forget(node(3)).acknowledged
        ended = time.monotonic() + 120
        while router.status()["set_aside"] != ["req-3"] or lost(router):
            assert router.predict().shape == (60, 3)
            assert time.monotonic() < ended
            time.sleep(0.2)
        router.predict()
        shard, slice = PLAN.placement.place(3)
        told = router.status()["hosts"][shard]["shards"][shard]
        assert all(slice not in path for path in told["served"])
        assert router.status()["requests"][State.DEACTIVATED] == 2
    finally:
        router.stop()


def lost(router: RemoteRouter) -> bool:
    """Whether a host is being started again."""
    return any("lost" in host for host in router.status()["hosts"])
