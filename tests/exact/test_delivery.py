"""Bringing deletions to hosts that lag, crash and come back, with hosts made of nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphforget.core.pool import LocalPool
from graphforget.exact.deletion import NEVER, Answers, Deletion
from graphforget.exact.delivery import Delivery
from graphforget.exact.hosts import HostLost, Hosts
from graphforget.request import ForgetRequest


class Paper(Hosts):
    """Two hosts that know their epoch and what they were told; tests take them away."""

    groups = ((0,), (1,))

    def __init__(self) -> None:
        self.epoch = [NEVER, NEVER]
        self.told: list[dict[str, Deletion]] = [{}, {}]
        self.lost: set[int] = set()
        self.poison: dict[str, str] = {}  # request id -> the call over which a host crashes

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def pool(self): return LocalPool()

    def restart(self, host: int) -> None:
        self.epoch[host], self.told[host] = NEVER, {}

    def call(self, host, method, *arguments):
        if host in self.lost:
            raise HostLost("lost")
        if method == "status":
            return {}
        if method == "deactivate":
            deletions, epoch, after = (*arguments, NEVER)[:3]
            if self.epoch[host] < after:
                return self.epoch[host]
            for one in deletions:
                self.told[host][one.request_id] = one
            self.epoch[host] = max(self.epoch[host], epoch)
        for name, over in self.poison.items():
            told = self.told[host].get(name)
            if over == method and told is not None and told.request.index == (7,):
                self.restart(host)
                raise HostLost("crashed")
        if method == "deactivate":
            return self.epoch[host]
        return Answers(self.epoch[host], {host: np.ones((1, 1), np.float32)})


def deletion(epoch: int, name: str) -> Deletion:
    return Deletion(epoch, name, {}, ForgetRequest("node", (7,)))


@pytest.fixture
def hosts():
    return Paper()


@pytest.fixture
def delivery(hosts):
    wide = ForgetRequest("node", (6, 7, 8))
    made = Delivery(hosts, lambda one: replace(one, request=wide), patience=0.2)
    made.start([], 0)
    assert made.catch_up()
    return made


def shards(delivery: Delivery) -> list[int]:
    return sorted(shard for one in delivery.ask(None) for shard in one.responses)


def test_all_hosts_are_told(hosts, delivery):
    assert delivery.send(deletion(1, "a")) and delivery.send(deletion(4, "b"))
    assert hosts.epoch == [4, 4] and all(set(told) == {"a", "b"} for told in hosts.told)


def test_one_that_was_started_again_is_told_everything_that_is_open(hosts, delivery):
    for epoch, name in ((1, "a"), (4, "b"), (7, "c")):
        delivery.send(deletion(epoch, name))
    delivery.done_with(["a"])
    hosts.restart(1)
    assert delivery.send(deletion(10, "d"))
    assert set(hosts.told[1]) == {"b", "c", "d"} and hosts.epoch[1] == 10


def test_a_lost_host_is_left_out_and_nothing_is_acknowledged(hosts, delivery):
    hosts.lost = {1}
    assert not delivery.send(deletion(1, "a"))
    assert shards(delivery) == [0]
    hosts.lost = set()
    hosts.restart(1)
    assert shards(delivery) == [0, 1] and set(hosts.told[1]) == {"a"}
    assert delivery.set_aside == set()


def test_an_answer_from_before_a_deletion_is_not_taken(hosts, delivery):
    delivery.send(deletion(5, "a"))
    hosts.epoch[1] = 4
    hosts.lost = {1}
    hosts.call = lambda host, method, *a: (
        Answers(4, {1: np.ones((1, 1), np.float32)}) if host and method == "respond"
        else Paper.call(hosts, host, method, *a)
    )
    assert shards(delivery) == [0]


@pytest.mark.parametrize("over", ["respond", "deactivate"])
def test_what_hosts_crash_over_twice_is_set_aside_and_nothing_else(hosts, delivery, over):
    delivery.send(deletion(1, "fine"))
    assert shards(delivery) == [0, 1]
    hosts.poison = {"bad": over}
    delivery.send(deletion(4, "bad"))
    for _ in range(3):
        shards(delivery)
    assert delivery.set_aside == {"bad"}
    assert shards(delivery) == [0, 1]
    assert all(told["bad"].request.index == (6, 7, 8) for told in hosts.told)
    assert delivery.last_crash == "crashed"


def test_hosts_that_die_between_calls_set_nothing_aside(hosts, delivery):
    for epoch in range(1, 40, 3):
        hosts.lost = {epoch % 2}
        assert not delivery.send(deletion(epoch, f"r{epoch}"))
        shards(delivery)
        hosts.lost = set()
        hosts.restart(epoch % 2)
        assert shards(delivery) == [0, 1]
    assert delivery.set_aside == set()
