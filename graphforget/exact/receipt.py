"""What a caller is told about a request, and an operator about a repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from graphforget.exact.case import State
from graphforget.exact.plan import Path


@dataclass(frozen=True)
class Receipt:
    """How far a request has come.

    Args:
        request_id: its name in the journal.
        state: from `State.DEACTIVATED` on it is acknowledged: no answer rests on the data. Where
            all ids had been asked for before, how far the last of them has come.
        epoch: its place among all deletions; None if there was nothing left to delete.
        known: whether it, or all of what it names that ever was there, was asked for before.
        died: shard and path of every stage that may not answer any more.
        seconds: from the call to this receipt.
    """

    request_id: str
    state: State
    epoch: int | None
    known: bool = False
    died: tuple[tuple[int, Path], ...] = ()
    seconds: float = 0.0

    @property
    def acknowledged(self) -> bool:
        """Whether no answer rests on the data any more.

        >>> Receipt("req-1", State.JOURNALLED, 1).acknowledged
        False
        """
        return not State.DEACTIVATED.follows(self.state)

    @property
    def absent(self) -> bool:
        """Whether nothing that it names was ever there."""
        return self.epoch is None and not self.known

    def to_json(self) -> dict[str, Any]:
        """The receipt as JSON has it."""
        said = {"acknowledged": self.acknowledged, "absent": self.absent}
        return {**asdict(self), "state": str(self.state), **said}


@dataclass(frozen=True)
class Repair:
    """What one round of repair did.

    Args:
        shards: those that serve newly trained stages.
        purged: requests that are through: nothing of them is on the disk any more.
        failed: for each shard that could not be repaired, why; its requests wait.
        seconds: how long it took.
    """

    shards: tuple[int, ...] = ()
    purged: tuple[str, ...] = ()
    failed: Mapping[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The round as JSON has it."""
        return {**asdict(self), "failed": {str(key): why for key, why in self.failed.items()}}
