"""Repair: what deletions switched off is trained anew without the data, while answers go on.

One round takes all acknowledged requests together. Their rows leave the disk first; then the
stages of the shards they hit are trained, and a host takes them in by compare-and-swap: requests
that came in the meantime hit the new stages as they hit the old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping

from graphforget.exact.case import Case, State
from graphforget.exact.certificate import AFTER, BEFORE, stages_hit
from graphforget.exact.destroy import destroy_file
from graphforget.exact.hosts import HostLost
from graphforget.exact.layout import open_system
from graphforget.exact.receipt import Repair
from graphforget.exact.service import Service
from graphforget.exact.source import DamagedRows, in_one
from graphforget.exact.train import Stages, trained
from graphforget.request import ForgetRequest

WAITING = (State.DEACTIVATED, State.REPAIR_QUEUED, State.REPAIRED)


class Repairer:
    """Repairs a service, round after round; one round at a time.

    Args:
        service: started.
        known: classes that its manifest may name although they are not ours.
    """

    def __init__(self, service: Service, known: tuple[type, ...] = ()) -> None:
        self._service, self._known = service, known
        self._busy = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.last_error: str | None = None

    def once(self, set_aside: bool = False, files: bool = False) -> Repair:
        """One round: everything that is acknowledged by now and what is dead or broken.

        Killed at any point and called again, it ends where it would have ended.

        Args:
            set_aside: look into requests that were set aside, too.
            files: read every stage file, and clear away what belongs to nothing. Without it a file
                that was damaged or lost is noticed when its shard next needs it.
        """
        started = time.perf_counter()
        with self._busy:
            service, journal = self._service, self._service.journal
            service.acknowledge_late()
            aside = frozenset() if set_aside else service.aside
            cases = tuple(
                case for state in WAITING for case in journal.pending(state)
                if case.request_id not in aside
            )
            queued = [case for case in cases if case.state is State.DEACTIVATED]
            journal.advance_all([case.request_id for case in queued], State.REPAIR_QUEUED)
            shards = self._to_train(cases, files)
            if not cases and not shards and not files:
                return Repair(seconds=time.perf_counter() - started)
            service.hosts.call_all("destroy_dead")
            damaged = self._forget_rows([journal.request(case.request_id) for case in cases])
            failed, changed = self._train(
                [shard for shard in shards if shard not in damaged],
                [case.request_id for case in cases],
            )
            failed |= damaged
            gone = [case for case in cases if not self._left(case)]
            done = [case for case in gone if not failed.keys() & case.hits.keys()]
            for case in done:
                note = digests(case, stages_hit(service.system.plan, case), changed)
                journal.advance(case.request_id, State.REPAIRED, note)
            purged = self._purge(gone, done)
            return Repair(
                tuple(sorted(changed)), purged, failed, time.perf_counter() - started
            )

    def start(self, every: float = 1.0) -> None:
        """Repair in the background from now on.

        Args:
            every: seconds between rounds.
        """
        self._thread = threading.Thread(target=self._run, args=(every,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the round that is under way."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, every: float) -> None:
        while not self._ended.wait(every):
            try:
                self.once()
                self.last_error = None
            except Exception as error:  # the next round tries again; status() tells
                self.last_error = f"{type(error).__name__}: {error}"

    def _to_train(self, cases: Iterable[Case], files: bool) -> list[int]:
        """Shards with stages to train: those hit, those that say so, and those short of files."""
        hit = {shard for case in cases for shard in case.hits}
        for told in self._service.hosts.call_all("status"):
            if not isinstance(told, HostLost):
                states = told["shards"].items()
                hit |= {shard for shard, state in states if state["needs_repair"]}
        for found in self._service.hosts.call_all("damaged") if files else ():
            if not isinstance(found, HostLost):
                hit |= set(found)
        return sorted(hit)

    def _forget_rows(self, requests: Iterable[ForgetRequest]) -> dict[int, str]:
        """Take what requests name out of the slice files and the rows that are answered about.

        Returns:
            The shards whose rows are damaged, and why; what they hold stays where it was.
        """
        layout = self._service.system.layout
        source = open_system(layout.folder, self._known).source  # requests go on with the old one
        damaged: dict[int, str] = {}
        for request in in_one(requests):
            try:
                source.forget(request)
            except DamagedRows as error:
                damaged |= error.why
        for partial in layout.source.rglob(".*.partial"):  # of a writer that was killed
            destroy_file(partial)
        source.ids()
        self._service.source = source
        return damaged

    def _left(self, case: Case) -> bool:
        """Whether rows still hold something that a request names, as those of a damaged shard."""
        request = self._service.journal.request(case.request_id)
        return self._service.source.outstanding(request, missing=True) is not None

    def _train(
        self, shards: Collection[int], without: Collection[str]
    ) -> tuple[dict[int, str], dict[int, tuple[Mapping, Stages]]]:
        """Train shards and hand them over; what failed, and stages before and after."""
        service = self._service
        failed: dict[int, str] = {}
        changed: dict[int, tuple[Mapping, Stages]] = {}
        host_of = {
            shard: host for host, group in enumerate(service.hosts.groups) for shard in group
        }
        round = len(service.journal.entries())  # grows from one round to the next
        folder = service.system.layout.folder
        for shard, stages in trained(service.hosts.pool(), folder, shards, self._known):
            if isinstance(stages, Exception):
                failed[shard] = f"{type(stages).__name__}: {stages}"
                continue
            try:
                before = service.hosts.call(
                    host_of[shard], "adopt", shard, stages, list(without), round
                )
            except HostLost as lost:
                failed[shard] = str(lost)
            else:
                if before is None:
                    failed[shard] = "a later round has been taken already"
                else:
                    changed[shard] = (before, stages)
        return failed, changed

    def _purge(self, gone: Iterable[Case], done: Iterable[Case]) -> tuple[str, ...]:
        """Destroy what is left of requests; those of which everything is gone are through.

        Args:
            gone: those whose rows are off the disk: hosts need not leave them out any more.
            done: those of them whose stages are trained anew.
        """
        service = self._service
        told = service.hosts.call_all("settle", [case.request_id for case in gone])
        told += service.hosts.call_all("destroy_dead", True)
        if any(isinstance(one, HostLost) for one in told):
            return ()  # a host that cannot be asked may keep files: they go in the next round
        names = tuple(case.request_id for case in done)
        service.journal.advance_all(names, State.PURGED)
        service.release(names)
        service.hosts.call_all("let_go", names)
        return names


def digests(
    case: Case,
    died: Iterable[tuple[int, tuple[int, ...]]],
    changed: Mapping[int, tuple[Mapping, Stages]],
) -> dict[str, dict[str, str]]:
    """The addresses of a request's stages before and after, for its certificate."""
    sides: dict[str, dict[str, str]] = {BEFORE: {}, AFTER: {}}
    for shard, path in died:
        for side, stages in zip((BEFORE, AFTER), changed.get(shard, ({}, {})), strict=True):
            if path in stages:
                name = f"stage {'-'.join(map(str, path))} of shard {shard}"
                sides[side][name] = stages[path]
    return sides
