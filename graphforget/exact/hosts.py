"""Where shard hosts live: in this process, or as actors on a cluster, see `actors`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from graphforget.core.pool import LocalPool, Pool
from graphforget.exact.host import ShardHost
from graphforget.exact.layout import open_system
from graphforget.exact.ledger import Fenced


class HostLost(RuntimeError):
    """A host cannot be asked now: it crashed, is being started again, or takes too long."""


class Hosts(ABC):
    """The hosts of a service, by number. A lost one comes back by itself and has to be caught up.

    Methods are named by text, since an actor's are: they are those of `ShardHost`.
    """

    @property
    @abstractmethod
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The shards of each host."""

    @abstractmethod
    def start(self) -> None:
        """Start the hosts that do not run already."""

    @abstractmethod
    def call(self, host: int, method: str, *arguments: Any) -> Any:
        """Ask one host and wait for its answer.

        Raises:
            HostLost: if there is none; what was asked may or may not have been done.
        """

    def call_all(self, method: str, *arguments: Any) -> list[Any | HostLost]:
        """Ask all hosts the same; one answer each, or the error of one that is lost."""
        answers: list[Any | HostLost] = []
        for host in range(len(self.groups)):
            try:
                answers.append(self.call(host, method, *arguments))
            except HostLost as lost:
                answers.append(lost)
        return answers

    @abstractmethod
    def pool(self) -> Pool:
        """Where stages are trained."""

    @abstractmethod
    def stop(self) -> None:
        """End the hosts; what they know is on the disk."""


class LocalHosts(Hosts):
    """Hosts as plain objects in this process.

    Args:
        folder: of the service.
        known: classes that its manifest may name although they are not ours.
    """

    def __init__(self, folder: str | Path, known: tuple[type, ...] = ()) -> None:
        self._folder, self._known = folder, known
        self._groups = open_system(folder, known).groups
        self._hosts: list[ShardHost] = []

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        return self._groups

    def start(self) -> None:
        if not self._hosts:
            numbers = range(len(self._groups))
            self._hosts = [ShardHost(self._folder, host, self._known) for host in numbers]

    def call(self, host: int, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._hosts[host], method)(*arguments)
        except Fenced:
            raise
        except Exception as error:  # as a crash of an actor would: the others go on
            raise HostLost(f"host {host}: {type(error).__name__}: {error}") from error

    def pool(self) -> Pool:
        return LocalPool()

    def stop(self) -> None:
        self._hosts = []
