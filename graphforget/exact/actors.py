"""Shard hosts and their router as Ray actors: named, detached, restarted, found again by name.

This is the one place beside the pool that speaks to Ray. Actors are handed paths and numbers; all
else they read from the service's folder, which every node must see. They outlive the process that
started them, until they are stopped.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from graphforget.core.pool import Pool, RayPool
from graphforget.exact.host import ShardHost
from graphforget.exact.hosts import HostLost, Hosts
from graphforget.exact.layout import open_system
from graphforget.exact.receipt import Receipt, Repair
from graphforget.exact.router import Router
from graphforget.request import ForgetRequest

NAMESPACE = "graphforget"

GROUPS = {"infer": 2, "repair": 1, "probe": 2}
"""Calls of these groups run beside each other, so many at a time; all others one by one."""

GROUP_OF = {
    "respond": "infer", "predict": "infer",
    "adopt": "repair", "settle": "repair", "destroy_dead": "repair", "let_go": "repair",
    "damaged": "repair",
    "repair": "repair",
    "status": "probe",
}
SECONDS = {"status": 10.0, "deactivate": 30.0}
"""A call that takes longer is given up and its host counted as lost."""

LONGEST = 600.0
SHARE = 0.25
"""CPUs that a host or a router asks for; less where the cluster is small."""


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
        names = [_name(self._folder, f"host-{host}") for host in range(len(self._groups))]
        if any(_found(self._ray, name) is None for name in names):
            _reserve(self._ray, _name(self._folder, "places"), len(names))
        self._actors = [
            _started(
                self._ray, ShardHost, name, (self._folder, host, self._known),
                place=(_name(self._folder, "places"), host),
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
            places = self._ray.util.get_placement_group(_name(self._folder, "places"))
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
                self._probes[host] = _asked(self._actors[host], "status", ())
                return None
            self._probes.pop(host, None)
        return _asked(self._actors[host], method, arguments)

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
            self._probes.setdefault(host, _asked(self._actors[host], "status", ()))
            raise HostLost(f"host {host}: {type(error).__name__}") from error


class RemoteRouter:
    """A router that lives on the cluster, found by the folder it serves, or started there.

    It has the methods of `Router`. A request is sent again while the router is being started
    again: it is known by its id, so nothing is done twice.

    Args:
        folder: of the service.
        address: of a running cluster, see `RayHosts`.
        num_cpus: of a new local one.
        key: file of the journal's key.
        known: classes that the manifest may name although they are not ours.
        every: seconds between rounds of repair in the background.
        patience: seconds to wait for a router that is being started again.
    """

    def __init__(
        self,
        folder: str | Path,
        address: str | None = None,
        num_cpus: int | None = None,
        key: str | Path | None = None,
        known: tuple[type, ...] = (),
        every: float | None = None,
        patience: float = 120.0,
    ) -> None:
        open_system(folder, known)  # what is wrong with it is better told here
        self._ray, self._patience = connected(address, num_cpus), patience
        path = str(Path(folder).resolve())
        where = None if key is None else str(Path(key).resolve())
        self._actor = _started(
            self._ray, _RouterActor, _name(path, "router"), (path, where, known, every)
        )

    def forget(self, request: ForgetRequest, missing: bool = False) -> Receipt:
        """Take a request; see `Router.forget`."""
        return self._call("forget", request, missing)

    def predict(self, items: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Probabilities of all rows or of some."""
        return self._call("predict", items)

    def repair(self, set_aside: bool = False) -> Repair:
        """Train anew what is switched off."""
        return self._call("repair", set_aside)

    def status(self) -> dict[str, Any]:
        """How requests, hosts and shards stand."""
        return self._call("status")

    def close(self) -> None:
        """Leave; router and hosts go on."""

    def stop(self) -> None:
        """End router and hosts on the cluster."""
        try:
            self._call("close")
        finally:
            self._ray.kill(self._actor)

    def __enter__(self) -> RemoteRouter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _call(self, method: str, *arguments: Any) -> Any:
        errors = self._ray.exceptions
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._ray.get(_asked(self._actor, method, arguments), timeout=LONGEST)
            except errors.RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise error.cause from None
                raise
            except errors.ActorUnavailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            except errors.ActorDiedError as error:
                told = re.search(r"UserError: (.*)", str(error))
                raise UserError(
                    told[1] if told
                    else f"the router on the cluster could not be started ({_reason(error)})"
                ) from None


class _RouterActor(Router):
    """A router whose hosts are actors, from what fits in a constructor: paths and numbers."""

    def __init__(
        self, folder: str, key: str | None, known: tuple[type, ...], every: float | None
    ) -> None:
        super().__init__(folder, RayHosts(folder, known=known), key, known, every)


def connected(address: str | None = None, num_cpus: int | None = None) -> Any:
    """Ray, connected to a cluster.

    Raises:
        UserError: if it is not installed, or there is no cluster at ``address``.
    """
    try:
        import ray
        import ray.util
    except ImportError as error:
        raise UserError(
            "--pool ray needs Ray, which is not installed; pip install 'graphforget[ray]'"
        ) from error
    if ray.is_initialized():
        return ray
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address in (None, "local"):
        address, options["include_dashboard"] = "local", False
        options |= {} if num_cpus is None else {"num_cpus": num_cpus}
    try:
        _check_reachable(address)
        ray.init(address=address, namespace=NAMESPACE, **options)
    except (OSError, ValueError, RuntimeError) as error:
        ray.shutdown()
        raise UserError(
            f"--address {address}: there is no Ray cluster that can be reached ({_reason(error)}); "
            "start one with ray start --head, or use --pool local"
        ) from None
    return ray


def _check_reachable(address: str | None) -> None:
    """Raise an `OSError` if nobody listens; Ray itself would go on trying for minutes."""
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    host, _, port = (address or "").rpartition(":")
    if port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _name(folder: str, part: str) -> str:
    return f"graphforget-{hashlib.sha256(folder.encode()).hexdigest()[:12]}-{part}"


def _found(ray: Any, name: str) -> Any | None:
    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        return None


def _reserve(ray: Any, name: str, count: int) -> None:
    """A place for every host, on as many nodes as there are."""
    share = min(SHARE, 0.5 * ray.cluster_resources().get("CPU", 1.0) / count)
    try:
        ray.util.get_placement_group(name)
    except ValueError:
        bundles = [{"CPU": round(share, 4)}] * count
        places = ray.util.placement_group(bundles, "SPREAD", name, lifetime="detached")
        if not places.wait(LONGEST):
            raise UserError(f"the cluster has no room for {count} hosts; add nodes") from None


def _started(
    ray: Any, cls: type, name: str, arguments: tuple[Any, ...],
    place: tuple[str, int] | None = None,
) -> Any:
    """The actor of that name, started if it is not there."""
    found = _found(ray, name)
    if found is not None:
        return found
    options: dict[str, Any] = {"num_cpus": 0}
    if place is not None:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        places = ray.util.get_placement_group(place[0])
        share = places.bundle_specs[place[1]]["CPU"]
        strategy = PlacementGroupSchedulingStrategy(places, place[1])
        options = {"num_cpus": share, "scheduling_strategy": strategy}
    actor = ray.remote(concurrency_groups=GROUPS)(cls)
    return actor.options(
        name=name, namespace=NAMESPACE, lifetime="detached", get_if_exists=True,
        max_restarts=-1, max_task_retries=0, **options,
    ).remote(*arguments)


def _asked(actor: Any, method: str, arguments: tuple[Any, ...]) -> Any:
    call = getattr(actor, method)
    group = GROUP_OF.get(method)
    return (call if group is None else call.options(concurrency_group=group)).remote(*arguments)


def _deadline(method: str) -> float:
    return time.monotonic() + SECONDS.get(method, LONGEST)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
