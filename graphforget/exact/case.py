"""What the journal knows of one request, and the states it passes through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from graphforget.core.errors import UserError
from graphforget.exact.chain import Entry, keyed
from graphforget.exact.source import Hits


class State(StrEnum):
    """How far a request has come; it only ever goes forward.

    >>> State.PURGED.follows(State.DEACTIVATED), State.JOURNALLED.follows(State.JOURNALLED)
    (True, False)
    """

    RECEIVED = "RECEIVED"
    """It has come in."""
    JOURNALLED = "JOURNALLED"
    """It is on the disk and will be carried out whatever happens."""
    DEACTIVATED = "DEACTIVATED"
    """No stage that has seen the data answers any more: the acknowledgement."""
    REPAIR_QUEUED = "REPAIR_QUEUED"
    """What it switched off waits to be trained anew."""
    REPAIRED = "REPAIRED"
    """What it switched off has been trained anew, without the data."""
    PURGED = "PURGED"
    """The data, the dead stages and the ids that the request named are off the disk."""

    def follows(self, other: State) -> bool:
        """Whether this state comes later."""
        return STATES.index(self) > STATES.index(other)

    def may_follow(self, other: State) -> bool:
        """Whether a request in the other state may come to this one: none skips the ack."""
        acknowledged = STATES.index(State.DEACTIVATED)
        ahead = STATES.index(self) - STATES.index(other)
        return ahead == 1 or (ahead > 1 and STATES.index(other) >= acknowledged)


STATES = tuple(State)

LONGEST_ID = 200


@dataclass(frozen=True)
class Case:
    """One request as the journal has it: no ids of people or rows, only what they were mapped to.

    Args:
        request_id: the caller's name for it.
        kind: its kind.
        digest: its digest, keyed, so that no guess can be checked against it without the key.
        subjects: the ids it names, keyed, in order.
        hits: for each shard what it does to the stages.
        entries: one for each state it has reached, oldest first.
    """

    request_id: str
    kind: str
    digest: str
    subjects: tuple[str, ...]
    hits: Mapping[int, Hits]
    entries: tuple[Entry, ...]

    @property
    def state(self) -> State:
        """How far it has come."""
        return State(self.entries[-1].state)

    def entry(self, state: State) -> Entry | None:
        """The entry with which it reached a state."""
        return next((entry for entry in self.entries if entry.state == state), None)


def case_of(entry: Entry) -> Case:
    """The case that an entry opens.

    Raises:
        UserError: if the entry opens none.
    """
    try:
        said = entry.content
        return Case(
            entry.request_id,
            str(said["kind"]),
            str(said["digest"]),
            tuple(said["subjects"]),
            hits_from_json(said["hits"]),
            (entry,),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"entry {entry.seq}: does not open a request as an entry in state {State.RECEIVED} "
            f"does ({error!r})"
        ) from None


def cases_of(entries: Iterable[Entry], where: str) -> dict[str, Case]:
    """The requests that the entries of a journal tell about, by id.

    Raises:
        UserError: naming the journal, if the entries tell no such story.
    """
    cases: dict[str, Case] = {}
    try:
        for entry in entries:
            case = cases.get(entry.request_id)
            if case is None:
                if entry.state != State.RECEIVED:
                    raise ValueError(f"entry {entry.seq}: {entry.state} before {State.RECEIVED}")
                cases[entry.request_id] = case_of(entry)
                continue
            if not State(entry.state).may_follow(case.state):
                raise ValueError(f"entry {entry.seq}: {entry.state} after {case.state}")
            cases[entry.request_id] = replace(case, entries=(*case.entries, entry))
    except ValueError as error:  # a UserError is one too
        raise UserError(f"{where}: {error}; restore it from a backup") from None
    return cases


def check_id(request_id: str) -> None:
    """Raise a `UserError` for an id that cannot stand in a line of text."""
    fits = isinstance(request_id, str) and 0 < len(request_id) <= LONGEST_ID
    if not fits or not request_id.isprintable():
        raise UserError(
            f"request id: wanted 1 to {LONGEST_ID} printable characters, got "
            f"{str(request_id)[:60]!r}"
        )


def subject_of(key: bytes, kind: str, named: Any) -> str:
    """How the journal has an id, or a pair of ids, that a request of a kind names.

    >>> subject_of(b"key", "edge", (1, 2)) == subject_of(b"key", "edge", [1, 2])
    True
    """
    return keyed(key, "subject", json.dumps([kind, named]))[:32]


def hits_to_json(hits: Mapping[int, Iterable[Iterable[int]]]) -> dict[str, list[list[int]]]:
    """Hits as JSON has them, in a canonical order.

    >>> hits_to_json({2: frozenset({frozenset({3, 1})})})
    {'2': [[1, 3]]}
    """
    return {
        str(int(shard)): sorted(sorted({int(slice_) for slice_ in hit}) for hit in set(
            frozenset(hit) for hit in hits[shard]
        ))
        for shard in sorted(hits)
    }


def hits_from_json(content: Mapping[str, Iterable[Iterable[int]]]) -> dict[int, Hits]:
    """What `hits_to_json` wrote.

    >>> hits_from_json({"2": [[1, 3]]})
    {2: frozenset({frozenset({1, 3})})}
    """
    return {
        int(shard): frozenset(frozenset(int(slice_) for slice_ in hit) for hit in hits)
        for shard, hits in content.items()
    }
