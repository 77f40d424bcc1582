"""The router as a Ray actor, found by the folder that it serves."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from graphforget.exact.actors import LONGEST, ROUTER, asked, connected, named, reason, started
from graphforget.exact.layout import open_system
from graphforget.exact.ray_hosts import RayHosts
from graphforget.exact.receipt import Receipt, Repair
from graphforget.exact.router import Router
from graphforget.exact.stopping import stop
from graphforget.request import ForgetRequest


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
        self._folder = path = str(Path(folder).resolve())
        where = None if key is None else str(Path(key).resolve())
        self._actor = started(
            self._ray, _RouterActor, named(path, ROUTER), (path, where, known, every)
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
        stop(self._ray, self._folder)

    def __enter__(self) -> RemoteRouter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _call(self, method: str, *arguments: Any) -> Any:
        errors = self._ray.exceptions
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._ray.get(asked(self._actor, method, *arguments), timeout=LONGEST)
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
                    else f"the router on the cluster could not be started ({reason(error)})"
                ) from None


class _RouterActor(Router):
    """A router whose hosts are actors, from what fits in a constructor: paths and numbers."""

    def __init__(
        self, folder: str, key: str | None, known: tuple[type, ...], every: float | None
    ) -> None:
        super().__init__(folder, RayHosts(folder, known=known), key, known, every)
