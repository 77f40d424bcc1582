"""Shard hosts as Ray actors: detached, restarted where they die, found again by name."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.core.pool import Pool, RayPool
from graphforget.exact.actors import (
    LONGEST,
    PLACES,
    SHARE,
    asked,
    connected,
    found,
    named,
    reserve,
    started,
)
from graphforget.exact.host import ShardHost
from graphforget.exact.hosts import HostLost, Hosts
from graphforget.exact.layout import open_system

SECONDS = {"status": 10.0, "deactivate": 30.0}
"""A call that takes longer is given up and its host counted as lost."""


class RayHosts(Hosts):
    """Hosts as actors on a cluster, each in a place of its own, spread over the nodes.

    Args:
        folder: of the service; the same on every node.
        address: of a running cluster; by default the one that this process is connected to, else
            a new local one.
        num_cpus: of a new local one.
        known: classes that the manifest may name although they are not ours.

    Raises:
        UserError: if Ray is not installed or there is no cluster at the address.
    """

    def __init__(
        self,
        folder: str | Path,
        address: str | None = None,
        num_cpus: int | None = None,
        known: tuple[type, ...] = (),
    ) -> None:
        self._folder, self._known = str(Path(folder).resolve()), known
        self._groups = open_system(folder, known).groups
        self._ray = connected(address, num_cpus)
        self._actors: list[Any] = []
        self._probes: dict[int, Any] = {}  # of hosts that are lost: the first call they answer

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        return self._groups

    def start(self) -> None:
        """Find the hosts that are there already, and start the others."""
        names = [named(self._folder, f"host-{host}") for host in range(len(self._groups))]
        if any(found(self._ray, name) is None for name in names):
            reserve(self._ray, named(self._folder, PLACES), len(names))
        self._actors = [
            started(
                self._ray, ShardHost, name, (self._folder, host, self._known),
                place=(named(self._folder, PLACES), host),
            )
            for host, name in enumerate(names)
        ]
        self._ray.get([actor.status.remote() for actor in self._actors], timeout=LONGEST)

    def call(self, host: int, method: str, *arguments: Any) -> Any:
        return self._result(host, self._submitted(host, method, arguments), _deadline(method))

    def call_all(self, method: str, *arguments: Any) -> list[Any | HostLost]:
        """Ask all hosts at once."""
        hosts, deadline = range(len(self._actors)), _deadline(method)
        references = [self._submitted(host, method, arguments) for host in hosts]
        answers: list[Any | HostLost] = []
        for host, reference in enumerate(references):
            try:
                answers.append(self._result(host, reference, deadline))
            except HostLost as lost:
                answers.append(lost)
        return answers

    def pool(self) -> Pool:
        return RayPool(cpus=SHARE)

    def stop(self) -> None:
        """End the actors and give their places back."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        try:
            places = self._ray.util.get_placement_group(named(self._folder, PLACES))
        except ValueError:
            return
        self._ray.util.remove_placement_group(places)

    def _submitted(self, host: int, method: str, arguments: tuple[Any, ...]) -> Any | None:
        """What a call will give; None while a lost host is not back, so that nobody waits."""
        probe = self._probes.get(host)
        if probe is not None:
            if not self._ray.wait([probe], timeout=0)[0]:
                return None
            try:
                self._ray.get(probe)
            except self._ray.exceptions.RayError:
                self._probes[host] = asked(self._actors[host], "status")
                return None
            self._probes.pop(host, None)
        return asked(self._actors[host], method, *arguments)

    def _result(self, host: int, reference: Any | None, deadline: float) -> Any:
        errors = self._ray.exceptions
        if reference is None:
            raise HostLost(f"host {host}: is being started again")
        try:
            return self._ray.get(reference, timeout=max(0.0, deadline - time.monotonic()))
        except errors.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            raise HostLost(f"host {host}: {error.cause!r}") from error
        except errors.RayError as error:
            self._probes.setdefault(host, asked(self._actors[host], "status"))
            raise HostLost(f"host {host}: {type(error).__name__}") from error


def _deadline(method: str) -> float:
    return time.monotonic() + SECONDS.get(method, LONGEST)
