"""Named actors on a Ray cluster: found by their folder, started where they are not there.

This is the one place beside the pool that imports Ray. Actors are handed paths and numbers; all
else they read from the service's folder, which every node must see. They outlive the process that
started them, until they are stopped.
"""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError

NAMESPACE = "graphforget"

ROUTER, PLACES = "router", "places"
"""Parts of a service beside its hosts, which are ``host-0``, ``host-1``, ..."""

GROUPS = {"infer": 2, "repair": 1, "probe": 2}
"""Calls of these groups run beside each other, so many at a time; all others one by one."""

GROUP_OF = {
    "respond": "infer", "predict": "infer",
    "adopt": "repair", "settle": "repair", "destroy_dead": "repair", "let_go": "repair",
    "damaged": "repair",
    "repair": "repair",
    "status": "probe",
}
LONGEST = 600.0
SHARE = 0.25
"""CPUs that a host or a router asks for; less where the cluster is small."""


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
            f"--address {address}: there is no Ray cluster that can be reached ({reason(error)}); "
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


def named(folder: str | Path, part: str) -> str:
    """The name of an actor, or of the places, of a service: the same wherever it is asked for."""
    where = str(Path(folder).resolve())
    return f"graphforget-{hashlib.sha256(where.encode()).hexdigest()[:12]}-{part}"


def found(ray: Any, name: str) -> Any | None:
    """The actor of that name, if it is there."""
    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        return None


def running(ray: Any, folder: str | Path) -> list[str]:
    """The parts of a service that run as actors, such as ``router`` and ``host-0``."""
    prefix = named(folder, "")
    return sorted(
        one["name"].removeprefix(prefix) for one in ray.util.list_named_actors(all_namespaces=True)
        if one["namespace"] == NAMESPACE and one["name"].startswith(prefix)
    )


def reserve(ray: Any, name: str, count: int) -> None:
    """A place for every host, on as many nodes as there are."""
    share = min(SHARE, 0.5 * ray.cluster_resources().get("CPU", 1.0) / count)
    try:
        ray.util.get_placement_group(name)
    except ValueError:
        bundles = [{"CPU": round(share, 4)}] * count
        places = ray.util.placement_group(bundles, "SPREAD", name, lifetime="detached")
        if not places.wait(LONGEST):
            raise UserError(f"the cluster has no room for {count} hosts; add nodes") from None


def started(
    ray: Any, cls: type, name: str, arguments: tuple[Any, ...],
    place: tuple[str, int] | None = None,
) -> Any:
    """The actor of that name, started if it is not there."""
    there = found(ray, name)
    if there is not None:
        return there
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


def asked(actor: Any, method: str, *arguments: Any) -> Any:
    """A reference to what an actor will answer."""
    call = getattr(actor, method)
    group = GROUP_OF.get(method)
    return (call if group is None else call.options(concurrency_group=group)).remote(*arguments)


def reason(error: Exception) -> str:
    """What an error of Ray's says, in one line."""
    return " ".join(str(error).split())[:200]
