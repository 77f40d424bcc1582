"""One door to a service and its repairs; the same object stands in a process or in an actor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphforget.exact.beginning import is_new
from graphforget.exact.hosts import Hosts
from graphforget.exact.key import key_at
from graphforget.exact.layout import Layout
from graphforget.exact.receipt import Receipt, Repair
from graphforget.exact.repair import Repairer
from graphforget.exact.service import Service
from graphforget.request import ForgetRequest


def key_beside(folder: str | Path) -> Path:
    """Where the journal's key is by default: beside the folder, not in it.

    >>> key_beside("shops/one").as_posix()
    'shops/one.key'
    """
    folder = Path(folder)
    return folder.with_name(folder.name + ".key")


class Router:
    """Takes requests and questions, and repairs.

    Args:
        folder: of the service.
        hosts: where the shards live; they are started.
        key: file of the journal's key; by default `key_beside` the folder. It is made if there is
            neither a key nor a journal, nor anything that tells of one.
        known: classes that the manifest may name although they are not ours.
        every: seconds between rounds of repair in the background; none by default.
        patience: seconds that a request waits for a host that is being started again.
    """

    def __init__(
        self,
        folder: str | Path,
        hosts: Hosts,
        key: str | Path | None = None,
        known: tuple[type, ...] = (),
        every: float | None = None,
        patience: float = 60.0,
    ) -> None:
        path = key_beside(folder) if key is None else Path(key)
        new = is_new(Layout(Path(folder)))
        self._service = Service(folder, hosts, key_at(path, create=new), known, patience)
        try:
            self._service.start()
        except BaseException:
            self._service.close()
            raise
        self._repairer = Repairer(self._service, known)
        if every is not None:
            self._repairer.start(every)

    def forget(self, request: ForgetRequest, missing: bool = False) -> Receipt:
        """Take a request; see `Service.forget`."""
        return self._service.forget(request, missing)

    def predict(self, items: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Probabilities of all rows or of some; see `Service.predict`."""
        return self._service.predict(items)

    def repair(self, set_aside: bool = False) -> Repair:
        """Train anew what is switched off, damaged or lost; see `Repairer.once`."""
        return self._repairer.once(set_aside, files=True)

    def status(self) -> dict[str, Any]:
        """How requests, hosts and shards stand."""
        return self._service.status() | {"repair_error": self._repairer.last_error}

    def close(self) -> None:
        """End: the folder can be served by another process."""
        self._repairer.stop()
        self._service.close()
        self._service.hosts.stop()

    def __enter__(self) -> Router:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
