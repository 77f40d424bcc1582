"""A shard host: some shards of a plan, their log on the disk, and the stages that answer.

A host is a plain object. It is handed a folder and a number and reads everything else from there,
so that it can be started again anywhere the folder can be seen. What it was told is on the disk
before it acts on it, and all that an answer depends on is one immutable snapshot, which is read
once and swapped in one assignment.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from graphforget.exact.deletion import NEVER, Answers, Deletion
from graphforget.exact.destroy import destroy_file
from graphforget.exact.host_log import HostLog
from graphforget.exact.layout import open_system
from graphforget.exact.plan import Path as StagePath
from graphforget.exact.responder import Responder, Snapshot
from graphforget.exact.shard_state import (
    UNTRAINED,
    ShardState,
    Told,
    adopted_line,
    deleted_line,
    replayed,
    shortest,
)

LONG = 1000
"""Lines of a log that are worth making it shorter."""


class ShardHost:
    """The shards of one group; `graphforget.exact.service` says who calls it and when.

    Args:
        folder: of the service, see `graphforget.exact.layout`.
        host: which group of shards of its manifest.
        known: classes that the manifest may name although they are not ours.
    """

    def __init__(self, folder: str | Path, host: int, known: tuple[type, ...] = ()) -> None:
        self._system = open_system(folder, known)
        self._log = HostLog(self._system.layout.host_log(host))
        self._lock = Lock()  # one change at a time; who answers does not wait for it
        self._responder = Responder(self._system)
        self._damage: str | None = None
        self._told: Told = {}
        shards = self._system.groups[host]
        try:
            states, self._told = replayed(self._log.take_over(), shards)
        except UserError as error:
            self._damage = str(error)
            states = {shard: ShardState(broken=self._damage) for shard in shards}
        self._snapshot = Snapshot(shards=states)

    def deactivate(self, deletions: Sequence[Deletion], epoch: int, after: int = NEVER) -> int:
        """Switch off what deletions hit: what is asked from now on is answered without them.

        Told again, a deletion changes nothing.

        Args:
            deletions: all up to ``epoch`` that may not be carried out here.
            epoch: of the last deletion.
            after: the epoch that the host must have reached for that; if it has not, because it
                was started again, nothing is done.

        Returns:
            The epoch of the host.

        Raises:
            Fenced: if another process has started the same host since.
        """
        with self._lock:
            if self._snapshot.epoch < after:
                return self._snapshot.epoch
            shards, removed = dict(self._snapshot.shards), dict(self._snapshot.removed)
            for deletion in deletions:
                own = {shard: hits for shard, hits in deletion.hits.items() if shard in shards}
                if own and self._told.get(deletion.request_id) != own:
                    if self._damage is None:
                        self._log.append(deleted_line(deletion.request_id, own))
                    self._told[deletion.request_id] = own
                    for shard, hits in own.items():
                        shards[shard] = shards[shard].hit(deletion.request_id, hits)
                removed[deletion.request_id] = deletion
            self._snapshot = Snapshot(max(self._snapshot.epoch, epoch), shards, removed)
            return self._snapshot.epoch

    def respond(self, items: NDArray[np.int64] | None = None) -> Answers:
        """What the served stages say about all rows, or about some of them.

        Raises:
            Fenced: if another process has started the same host since, and knows more.
        """
        self._log.check_mine()
        while True:
            snapshot = self._snapshot
            if snapshot.epoch == NEVER:
                return Answers()
            answers = self._responder.answers(snapshot)
            if self._still_right(snapshot, answers):
                return answers if items is None else answers.of(items)

    def adopt(
        self, shard: int, stages: Mapping[StagePath, str], without: Collection[str], round: int
    ) -> Mapping[StagePath, str] | None:
        """Serve newly trained stages, unless the shard has newer ones.

        Args:
            shard: one of this host's.
            stages: path of every stage -> address of its file.
            without: requests whose rows were gone when the training began. All others hit the new
                stages as they hit those before.
            round: number of the training.

        Returns:
            The stages whose place they took; None if they came too late and were not taken.
        """
        with self._lock:
            old = self._snapshot.shards[shard]
            new = old.adopt(stages, frozenset(without), round)
            if new is None:
                return None
            if self._damage is not None:
                self._start_log_anew()
            self._log.append(adopted_line(shard, stages, without, round))
            self._set_shard(shard, new)
            return old.stages

    def settle(self, request_ids: Collection[str]) -> None:
        """Drop the rows in memory: what these requests name is off the disk as well."""
        with self._lock:
            removed = self._snapshot.removed.items()
            kept = {name: deletion for name, deletion in removed if name not in request_ids}
            self._snapshot = replace(self._snapshot, removed=kept)
        self._responder.drop_rows()

    def let_go(self, request_ids: Collection[str]) -> None:
        """Leave requests out of a log that is long: nobody will send them again."""
        with self._lock:
            hit = {name for state in self._snapshot.shards.values() for name, _ in state.hits}
            self._told = {
                name: hits for name, hits in self._told.items()
                if name in hit or name not in request_ids
            }
            lines = shortest(self._snapshot.shards, self._told)
            if self._damage is None and self._log.lines > LONG + 2 * len(lines):
                self._log.rewrite(lines)

    def destroy_dead(self, all_others: bool = False) -> int:
        """Destroy the files of dead stages; returns how many went.

        Args:
            all_others: destroy every file that belongs to no live stage, as those of a training
                whose stages were never adopted. Only while nothing is being trained.
        """
        count = 0
        for shard, state in self._snapshot.shards.items():
            alive = set(state.alive(self._system.plan).values())
            others = set(state.stages.values())
            if all_others and state.broken is None:
                others |= set(self._system.files.addresses(shard))
            self._responder.drop_weights(others - alive)
            for address in sorted(others - alive):
                count += self._system.files.destroy(shard, address)
        if all_others:  # and what a training that was killed was writing
            for shard in self._snapshot.shards:
                folder = self._system.files.path(shard, "").parent
                count += sum(destroy_file(partial) for partial in folder.glob(".*.partial"))
        return count

    def damaged(self) -> list[int]:
        """Shards with a live stage that has no file, or with a file that cannot be read.

        Every file is read for it.
        """
        plan, files = self._system.plan, self._system.files
        found = []
        for shard, state in self._snapshot.shards.items():
            wanted = {*state.alive(plan).values(), *files.addresses(shard)}
            try:
                for address in sorted(wanted):
                    files.load(shard, address)
            except UserError:
                found.append(shard)
        return found

    def status(self) -> dict[str, Any]:
        """Numbers for people: epoch, process, memory, and the state of every shard."""
        snapshot, plan = self._snapshot, self._system.plan
        return {
            "epoch": snapshot.epoch,
            "pid": os.getpid(),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "shards": {shard: state.told(plan) for shard, state in snapshot.shards.items()},
        }

    def _still_right(self, snapshot: Snapshot, answers: Answers) -> bool:
        """Take shards whose files turned out unreadable out of service.

        Where a shard has changed in the meantime its file may have gone for a good reason, and
        then the answer is not right any more.
        """
        with self._lock:
            for shard, reason in answers.broken.items():
                now = self._snapshot.shards[shard]
                if now is snapshot.shards[shard] and now.broken is None:
                    self._set_shard(shard, replace(now, broken=reason))
                elif now.broken is None:
                    return False
        return True

    def _set_shard(self, shard: int, state: ShardState) -> None:
        shards = {**self._snapshot.shards, shard: state}
        self._snapshot = replace(self._snapshot, shards=shards)

    def _start_log_anew(self) -> None:
        """A whole log in the place of a damaged one; what is not adopted again stays out."""
        self._log.rewrite([deleted_line(name, told) for name, told in self._told.items()])
        self._damage = None
        for shard, state in self._snapshot.shards.items():
            self._set_shard(shard, replace(state, broken=UNTRAINED))
