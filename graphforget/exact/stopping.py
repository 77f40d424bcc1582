"""Ending what runs of a service on a cluster, without starting any of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from graphforget.exact.actors import PLACES, ROUTER, asked, found, named, running

PATIENCE = 60.0
"""Seconds that a router has to end by itself, before it is killed: what it promised is on disk."""


def stop(ray: Any, folder: str | Path) -> list[str]:
    """End the router, then the hosts, and give their places back.

    Args:
        ray: connected, see `graphforget.exact.actors.connected`.
        folder: of the service; it is not looked into, and need not be there any more.

    Returns:
        What ran, such as ``router`` and ``host-0``; nothing where nothing did.
    """
    there = running(ray, folder)
    router = found(ray, named(folder, ROUTER))
    if router is not None:
        with suppress(ray.exceptions.RayError):
            ray.get(asked(router, "close"), timeout=PATIENCE)
        ray.kill(router)
    for part in there:  # those that the router has not ended
        actor = found(ray, named(folder, part))
        if actor is not None:
            ray.kill(actor)
    with suppress(ValueError):
        ray.util.remove_placement_group(ray.util.get_placement_group(named(folder, PLACES)))
    return there
