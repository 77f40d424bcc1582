"""How a host answers: the rows without what was deleted, through the stages that are served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.exact.deletion import NEVER, Answers, Deletion
from graphforget.exact.layout import System
from graphforget.exact.plan import Path as StagePath
from graphforget.exact.recipe import State
from graphforget.exact.shard_state import ShardState


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that an answer depends on, beside what never changes.

    Args:
        epoch: every deletion up to it is in `shards` and `removed`.
        shards: what is alive in each shard.
        removed: deletions whose rows may still be on the disk, by request id.
    """

    epoch: int = NEVER
    shards: Mapping[int, ShardState] = field(default_factory=dict)
    removed: Mapping[str, Deletion] = field(default_factory=dict)


class Responder:
    """Answers for a snapshot, and keeps the last answer, its rows and its weights in memory.

    Args:
        system: the opened folder of the service.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._busy = Lock()  # one computation at a time; who waits for it finds its result
        self._last: tuple[Snapshot, Answers] | None = None
        self._weights: dict[str, State] = {}
        self._rows: Any = None
        self._left: set[str] = set()  # requests that are out of the rows in memory

    def answers(self, snapshot: Snapshot) -> Answers:
        """What the served stages say about all rows.

        A shard with a stage file that cannot be read does not answer, and the reason is told.
        """
        with self._busy:
            if self._last is None or self._last[0] is not snapshot:
                self._last = snapshot, self._computed(snapshot)
            return self._last[1]

    def drop_rows(self) -> None:
        """Read the rows from the disk the next time: what was deleted is gone from there too."""
        with self._busy:
            self._last, self._rows, self._left = None, None, set()

    def drop_weights(self, addresses: Iterable[str]) -> None:
        """Keep nothing of these stages in memory."""
        with self._busy:
            for address in addresses:
                self._weights.pop(address, None)

    def _computed(self, snapshot: Snapshot) -> Answers:
        rows = self._rows_without(snapshot.removed.values())
        system, used = self._system, set[str]()
        responses, served, broken = {}, {}, {}
        for shard, state in snapshot.shards.items():
            if state.broken is not None:
                broken[shard] = state.broken
                continue
            paths = state.served(system.plan, system.manifest.several)
            try:
                stages = [self._lineage(shard, state, path, used) for path in paths]
            except UserError as error:
                broken[shard] = str(error)
                continue
            if paths:
                with torch.no_grad():
                    said = [_finite(system.recipe.respond(rows, one)) for one in stages]
                responses[shard] = torch.stack(said).mean(0).cpu().numpy()
                served[shard] = paths
        self._weights = {key: one for key, one in self._weights.items() if key in used}
        return Answers(snapshot.epoch, responses, served, broken)

    def _rows_without(self, deletions: Iterable[Deletion]) -> Any:
        source = self._system.source
        if self._rows is None:
            self._rows, self._left = source.whole(), set()
        for deletion in deletions:
            if deletion.request_id not in self._left:
                self._rows = source.without(self._rows, deletion.request)
                self._left.add(deletion.request_id)
        return self._rows

    def _lineage(
        self, shard: int, state: ShardState, path: StagePath, used: set[str]
    ) -> list[State]:
        weights = []
        for stage in self._system.plan.lineage(path):
            address = state.stages[stage]
            if address not in self._weights:
                self._weights[address] = self._system.files.load(shard, address)
            used.add(address)
            weights.append(self._weights[address])
        return weights


def _finite(responses: Tensor) -> Tensor:
    """The responses, unless they are no numbers: one such shard would spoil the mean of all."""
    if not bool(torch.isfinite(responses).all()):
        raise UserError("a stage answers with what are no numbers; train it with a smaller step")
    return responses
