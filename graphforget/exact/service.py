"""The service: takes requests to forget, acknowledges them within milliseconds, and answers on.

A request goes through the journal's states. It is on the disk before any host hears of it, and
every host has carried it out before it is acknowledged: from then on no answer is given that was
computed before it. What is switched off is trained anew by `graphforget.exact.repair`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphforget.exact.beginning import is_new
from graphforget.exact.case import Case, State
from graphforget.exact.certificate import certify, stages_hit
from graphforget.exact.deletion import Deletion
from graphforget.exact.delivery import CRASHES, Delivery
from graphforget.exact.earlier import not_named, state_before
from graphforget.exact.hosts import HostLost, Hosts
from graphforget.exact.journal import Journal
from graphforget.exact.layout import open_system
from graphforget.exact.predictor import Predictor
from graphforget.exact.receipt import Receipt
from graphforget.exact.set_aside import SetAside, widened
from graphforget.request import ForgetRequest


class Service:
    """The router of one folder: the only writer of its journal, and the one who asks its hosts.

    Args:
        folder: made by `graphforget.exact.train`.
        hosts: where the shards live.
        key: of the journal, see `graphforget.exact.key`.
        known: classes that the manifest may name although they are not ours.
        patience: seconds that a request waits for a host that is being started again; after that
            the receipt says that it is written down and not acknowledged yet.

    Raises:
        UserError: if another process serves the folder, the folder or its journal is damaged, or
            the journal is gone and something tells of requests that it knew.
    """

    def __init__(
        self,
        folder: str | Path,
        hosts: Hosts,
        key: bytes,
        known: tuple[type, ...] = (),
        patience: float = 60.0,
    ) -> None:
        self.system = open_system(folder, known)
        self.source = self.system.source  # as of the last repair
        self.hosts = hosts
        is_new(self.system.layout)  # refuses to begin a journal in the place of a lost one
        self.journal = Journal(self.system.layout.journal, key)
        self.writing = Lock()  # requests come one after the other
        self._aside = SetAside(self.system.layout.set_aside)
        self.delivery = Delivery(hosts, self._widen, patience)
        self._predictor = Predictor(self.system, self.delivery, self.writing)

    def start(self) -> Service:
        """Start the hosts and carry on with every request that the journal knows to be open."""
        self.hosts.start()
        cases = self.journal.cases()
        interrupted = self.journal.pending(State.JOURNALLED)
        for case in interrupted:
            if self._aside.attempts(case.request_id) >= CRASHES - 1:
                self._aside.add(case.request_id)  # this process may have crashed over it
            self._aside.attempt(case.request_id)
        self.source.ids()  # read now what the first request would have to wait for
        deletions = [self._deletion(case) for case in cases if case.state is not State.PURGED]
        self.delivery.start(deletions, max(map(_epoch, cases), default=0))
        self.delivery.set_aside |= self.aside
        self.delivery.catch_up()
        self.acknowledge_late()
        self._aside.survived(case.request_id for case in interrupted)
        self._certify(case.request_id for case in self.journal.pending(State.PURGED))
        return self

    def forget(self, request: ForgetRequest, missing: bool = False) -> Receipt:
        """Take a request; with the acknowledgement no answer rests on the data any more.

        Sent again, it is not carried out again.

        Args:
            request: what must go.
            missing: let pass what was never there.

        Raises:
            UserError: for ids that were never there, a kind that the rows do not know, or an id
                of another request.
        """
        started = time.perf_counter()
        with self.writing:
            name = self.journal.name_of(request)
            known = name in self.journal
            if known:
                case = self.journal.open_request(name, request, {})  # refuses another one's id
            else:
                rest = self._outstanding(request, missing)
                if rest is None:
                    before = state_before(self.journal, self.source, request)
                    seconds = time.perf_counter() - started
                    return Receipt(
                        name, before or State.PURGED, None, before is not None, seconds=seconds
                    )
                case = self.journal.open_request(name, request, self.source.hits(rest))
            if case.state is State.JOURNALLED and self.delivery.send(self._deletion(case)):
                self.journal.advance(name, State.DEACTIVATED, {"epoch": _epoch(case)})
            case = self.journal.case(name)
        died = stages_hit(self.system.plan, case)
        seconds = time.perf_counter() - started
        return Receipt(name, case.state, _epoch(case), known, died, seconds)

    def predict(self, items: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Probabilities of all rows, or of some by their numbers; see `Predictor.predict`."""
        return self._predictor.predict(items)

    def status(self) -> dict[str, Any]:
        """Numbers for people: requests by state, and what every host and shard says of itself."""
        cases = self.journal.cases()
        told = self.hosts.call_all("status")
        hosts = [{"lost": str(one)} if isinstance(one, HostLost) else one for one in told]
        return {
            "requests": {
                str(state): sum(case.state is state for case in cases) for state in State
            },
            "epoch": self.delivery.epoch,
            "pid": os.getpid(),
            "set_aside": sorted(self.aside),
            "last_crash": self.delivery.last_crash,
            "hosts": hosts,
        }

    @property
    def aside(self) -> frozenset[str]:
        """Requests over which hosts crashed, and which are carried out by their slices alone."""
        return self._aside.names()

    def acknowledge_late(self) -> None:
        """Acknowledge what is written down and waits for hosts that were not there."""
        with self.writing:
            waiting = [case.request_id for case in self.journal.pending(State.JOURNALLED)]
            if waiting and self.delivery.catch_up():
                self.journal.advance_all(waiting, State.DEACTIVATED, {"late": True})

    def release(self, names: Sequence[str]) -> None:
        """Requests that are through: nobody has to be told of them any more."""
        self.delivery.done_with(names)
        self._aside.remove(names)
        self._certify(names)

    def close(self) -> None:
        """Let another process serve the folder; hosts that live elsewhere go on."""
        self.journal.close()

    def __enter__(self) -> Service:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()
        self.hosts.stop()

    def _certify(self, names: Iterable[str]) -> None:
        for name in names:
            path = self.system.layout.certificate(name)
            if not path.exists():
                certify(self.journal, self.system.plan, name).write(path)

    def _outstanding(self, request: ForgetRequest, missing: bool) -> ForgetRequest | None:
        """What is left of a request that neither the rows have lost nor another has named."""
        rest = self.source.outstanding(request, missing)
        if rest is None or self.journal.pending(State.JOURNALLED):
            return rest
        new = not_named(self.journal, request)
        if new is not None and rest.kind != request.kind:  # classes, some of them named before
            rest = self.source.outstanding(new, missing)
        return not_named(self.journal, rest) if new and rest else None

    def _deletion(self, case: Case) -> Deletion:
        request = self.journal.request(case.request_id)
        deletion = Deletion(_epoch(case), case.request_id, case.hits, request)
        aside = case.request_id in self.aside
        return widened(deletion, self.system) if aside else deletion

    def _widen(self, deletion: Deletion) -> Deletion:
        self._aside.add(deletion.request_id)
        return widened(deletion, self.system)


def _epoch(case: Case) -> int:
    """The place of a request among all: where the journal first tells of it."""
    return case.entries[0].seq
