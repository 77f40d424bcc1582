"""What the verbs of a service share: where its hosts live, and the door to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser, Namespace

from graphforget.core.errors import UserError
from graphforget.core.pool import LocalPool, Pool, RayPool
from graphforget.exact.actors import SHARE, connected
from graphforget.exact.hosts import LocalHosts
from graphforget.exact.remote_router import RemoteRouter
from graphforget.exact.router import Router


def add_service(options: ArgumentParser, folder: str = "service folder of s3t train") -> None:
    """Add the folder, and where its hosts live."""
    options.add_argument("folder", type=Path, help=folder)
    options.add_argument(
        "--key", type=Path, default=None,
        help="file of the journal's key; by default it is beside the folder, FOLDER.key",
    )
    options.add_argument(
        "--pool", type=Literal["local", "ray"], default="local",
        help="in this process, or as actors on a Ray cluster, which go on after the command",
    )
    options.add_argument(
        "--address", type=str, default=None,
        help="with --pool ray: of a running cluster, auto to find it; by default one is started "
        "for the command and ended with it",
    )


def check_address(options: Namespace) -> None:
    """Refuse an address that nobody would look at."""
    if options.address is not None and options.pool != "ray":
        raise UserError("--address: is for --pool ray; add that, or leave it out")


def pool_of(options: Namespace) -> Pool:
    """Where stages are trained."""
    check_address(options)
    if options.pool == "local":
        return LocalPool()
    connected(options.address)
    return RayPool(cpus=SHARE)


def router_of(options: Namespace) -> Router | RemoteRouter:
    """The door to the service; leave it when done.

    Raises:
        UserError: if the folder is none of a service, another process serves it, or the cluster
            is not there.
    """
    check_address(options)
    if options.pool == "local":
        return Router(options.folder, LocalHosts(options.folder), options.key)
    return RemoteRouter(options.folder, options.address, key=options.key)


def plain(value: Any) -> Any:
    """A value with every key as text, as JSON has it.

    >>> plain({0: [{1: 2}]})
    {'0': [{'1': 2}]}
    """
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value
