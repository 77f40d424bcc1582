"""Bringing deletions to the hosts, whatever happens to these, and asking no host that lags behind.

A host that comes back after a crash knows what its log tells. Before anything it says is believed,
it is told of every deletion whose data may still be on the disk. A deletion at which hosts crash
again and again is set aside: nobody looks into it any more, and all that shares a slice with what
it names is switched off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphforget.exact.deletion import NEVER, Answers, Deletion
from graphforget.exact.hosts import HostLost, Hosts

CRASHES = 2
"""So many hosts may crash over a deletion before it is set aside."""

PAUSE = 0.05
"""Seconds between two looks at a host that is being started again."""


@dataclass
class _Host:
    """What is known of one host."""

    told: int = NEVER  # it has carried out every deletion up to this epoch
    proved: int = NEVER  # and has answered at this one
    crashes: int = 0  # over what it was told or asked, since


class Delivery:
    """All deletions that hosts may have to be told of, and how far each host has come.

    One thread delivers at a time; any may ask.

    Args:
        hosts: started ones.
        widened: makes a deletion into one that can be carried out without looking into it.
        patience: seconds to wait for a host that is being started again.
    """

    def __init__(
        self, hosts: Hosts, widened: Callable[[Deletion], Deletion], patience: float = 60.0
    ) -> None:
        self._hosts, self._widened, self._patience = hosts, widened, patience
        self._guard = Lock()  # of changes to what is open; it is replaced as a whole
        self._open: dict[str, Deletion] = {}
        self._known = [_Host() for _ in hosts.groups]
        self.epoch = NEVER
        self.last_crash: str | None = None
        self.set_aside: set[str] = set()

    def start(self, deletions: Iterable[Deletion], epoch: int) -> None:
        """Begin with what the journal knows; hosts are told when they are first asked."""
        self._open = {deletion.request_id: deletion for deletion in deletions}
        self.epoch = epoch

    def send(self, deletion: Deletion) -> bool:
        """Tell all hosts of a deletion; whether all have carried it out."""
        after = self.epoch
        with self._guard:
            self._open = {**self._open, deletion.request_id: deletion}
        self.epoch = max(after, deletion.epoch)  # only now: see _reach
        told = self._hosts.call_all("deactivate", [deletion], self.epoch, after)
        deadline = time.monotonic() + self._patience
        return all([
            self._has_told(host, epoch) or self._insist(host, deadline)
            for host, epoch in enumerate(told)
        ])

    def catch_up(self) -> bool:
        """Tell every host all that it may not know; whether all could be reached."""
        deadline = time.monotonic() + self._patience
        return all([self._insist(host, deadline) for host in range(len(self._known))])

    def ask(self, items: NDArray[np.int64] | None) -> list[Answers]:
        """Answers of the hosts that can be reached and have carried out every deletion.

        One that is lost is left out until it is back.
        """
        epoch = self.epoch
        answers = self._hosts.call_all("respond", items)
        for host, answer in enumerate(answers):
            if isinstance(answer, HostLost) or answer.epoch < epoch:
                answers[host] = self._ask_again(host, items)
            else:
                self._has_answered(host, answer)
        return [one for one in answers if isinstance(one, Answers) and one.epoch >= epoch]

    def done_with(self, request_ids: Collection[str]) -> None:
        """Hosts need not be told of these any more: their data is off the disk."""
        with self._guard:
            kept = self._open.items()
            self._open = {name: one for name, one in kept if name not in request_ids}

    def put_aside(self, request_id: str) -> None:
        """Carry a deletion out without looking into it from now on."""
        self.set_aside.add(request_id)
        with self._guard:
            self._open = {**self._open, request_id: self._widened(self._open[request_id])}

    def _insist(self, host: int, deadline: float) -> bool:
        while not self._reach(host):
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        return True

    def _reach(self, host: int) -> bool:
        """Tell a host everything that is open; whether it has carried it out."""
        try:
            self._hosts.call(host, "status")
        except HostLost:
            return False
        epoch, deletions = self.epoch, list(self._open.values())  # never an epoch without its own
        try:
            epoch = self._hosts.call(host, "deactivate", deletions, epoch)
        except HostLost as lost:
            self._has_crashed(host, self._known[host].told, lost)
            return False
        return self._has_told(host, epoch)

    def _ask_again(self, host: int, items: NDArray[np.int64] | None) -> Answers | HostLost:
        lost = HostLost(f"host {host}: is being started again")
        for _ in range(CRASHES + 1):
            if not self._reach(host):
                break
            try:
                answer = self._hosts.call(host, "respond", items)
            except HostLost as error:  # it was there a moment ago
                lost = error
                self._has_crashed(host, self._known[host].proved, lost)
            else:
                self._has_answered(host, answer)
                return answer
        return lost

    def _has_told(self, host: int, epoch: Any) -> bool:
        if isinstance(epoch, HostLost) or epoch < self.epoch:
            return False
        self._known[host].told = max(self._known[host].told, epoch)
        return True

    def _has_answered(self, host: int, answer: Answers) -> None:
        known = self._known[host]
        if answer.epoch > NEVER:
            known.proved, known.crashes = max(known.proved, answer.epoch), 0

    def _has_crashed(self, host: int, survived: int, lost: HostLost) -> None:
        """A host was there and is lost over what it was told or asked.

        Args:
            host: its number.
            survived: the last epoch at which this went well; later deletions are suspects.
            lost: how it was lost.
        """
        self.last_crash = str(lost)
        known = self._known[host]
        known.crashes += 1
        if known.crashes >= CRASHES:
            known.crashes = 0
            for name, deletion in self._open.items():
                if deletion.epoch > survived and name not in self.set_aside:
                    self.put_aside(name)
