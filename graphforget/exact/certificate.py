"""The deletion certificate: what was forgotten, when, by which stages' end, and what that means.

It names nobody: who asked is known by the request's id, and what was asked by digests under the
journal's key. It says where in the journal its facts stand, so that both can be held together.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from graphforget.core.record import versions
from graphforget.exact.case import Case, State, cases_of
from graphforget.exact.chain import Entry, Finding, certificate_seal
from graphforget.exact.guarantee import guaranteed, not_guaranteed
from graphforget.exact.journal import Journal
from graphforget.exact.plan import Plan
from graphforget.request import ForgetRequest

SCHEMA = 1
BEFORE, AFTER = "before", "after"
"""Keys of a journal entry's note under which digests of files stand, name -> sha256."""


@dataclass(frozen=True)
class Certificate:
    """What can be said of one request; made by `certify`, checked by `Certificate.verify`.

    Args:
        request_id: the caller's name for the request.
        kind: its kind.
        size: number of ids or pairs it named.
        digest: its digest under the journal's key.
        reached: state -> time, and place and hash of the journal's entry.
        died: shard and path of every stage that had seen what was to be forgotten.
        before: name -> sha256 of what was changed or destroyed, as it was.
        after: the same, as it is.
        environment: versions and machine that trained and answered.
        guaranteed: what holds.
        not_guaranteed: what does not.
        head: hash of the journal's last entry when this was issued.
        head_seq: its place.
        issued_at: ISO 8601 time.
        seal: made of all the above with the journal's key.
    """

    request_id: str
    kind: str
    size: int
    digest: str
    reached: Mapping[str, Mapping[str, Any]]
    died: tuple[tuple[int, tuple[int, ...]], ...]
    before: Mapping[str, str]
    after: Mapping[str, str]
    environment: Mapping[str, str]
    guaranteed: tuple[str, ...]
    not_guaranteed: tuple[str, ...]
    head: str
    head_seq: int
    issued_at: str
    seal: str = ""
    schema: int = SCHEMA

    def to_json(self) -> str:
        """The certificate as a JSON object."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "certificate") -> Certificate:
        """Read what `to_json` wrote.

        Raises:
            UserError: naming ``source``, for anything else.
        """
        try:
            said = json.loads(text)
            if said["schema"] != SCHEMA or set(said) != {field.name for field in fields(cls)}:
                raise ValueError(f"wanted the fields of schema {SCHEMA}")
            said["died"] = tuple((int(shard), tuple(path)) for shard, path in said["died"])
            for name in ("guaranteed", "not_guaranteed"):
                said[name] = tuple(said[name])
            for state, entry in said["reached"].items():
                State(state), str(entry["at"]), int(entry["seq"]), str(entry["hash"])
            return cls(**said)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{source}: wanted a deletion certificate ({error})") from None

    def write(self, path: str | Path) -> None:
        """Write it to a file, whole or not at all."""
        write_atomically(path, self.to_json())

    @classmethod
    def read(cls, path: str | Path) -> Certificate:
        """Read a file that `write` wrote."""
        try:
            text = Path(path).read_bytes().decode()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
        except UnicodeDecodeError:
            raise UserError(f"{path}: wanted a deletion certificate in UTF-8") from None
        return cls.from_json(text, str(path))

    def is_about(self, request: ForgetRequest, journal: Journal) -> bool:
        """Whether this certificate is about what a request asks; the journal has the key."""
        return journal.keyed_digest(request) == self.digest

    def verify(self, journal: Journal) -> list[Finding]:
        """What in this certificate the journal does not bear out, and what is wrong with either."""
        name = f"certificate of {self.request_id!r}"
        found = journal.verify()
        if journal.sealed(_body(self)) != self.seal:
            found.append(Finding(name, "was changed, or was issued with another journal's key"))
        return found + self.held_against(journal.entries())

    def is_sealed(self, key: bytes) -> bool:
        """Whether it is as it was issued, with this key."""
        return certificate_seal(_body(self), key) == self.seal

    def held_against(self, entries: Sequence[Entry]) -> list[Finding]:
        """What the entries of a journal do not bear out."""
        name = f"certificate of {self.request_id!r}"
        found = []
        last = entries[self.head_seq - 1] if 0 < self.head_seq <= len(entries) else None
        if last is None or last.hash != self.head:
            found.append(Finding(name, "the journal no longer holds what it held at the issue"))
        case = cases_of(entries, name).get(self.request_id)
        if case is None:
            return [*found, Finding(name, "the journal knows no such request")]
        if (self.kind, self.size, self.digest) != (case.kind, len(case.subjects), case.digest):
            found.append(Finding(name, "the journal tells of another request under this id"))
        there = _reached(case)
        for state, entry in self.reached.items():
            if there.get(state) != entry:
                found.append(Finding(name, f"the journal tells otherwise about {state}"))
        return found

    def line(self) -> str:
        """The certificate in one sentence."""
        stages = "1 stage" if len(self.died) == 1 else f"{len(self.died)} stages"
        state, entry = list(self.reached.items())[-1]
        many = "" if self.size == 1 else "s"
        return (
            f"request {self.request_id}, {self.size} {self.kind}{many}: {state} at {entry['at']}, "
            f"{stages} switched off, journal entry {entry['seq']} ({entry['hash'][:16]})"
        )


def certify(journal: Journal, plan: Plan, request_id: str) -> Certificate:
    """Issue the certificate of a request, as far as it has come by now.

    Digests are taken from the notes of the request's entries, under ``before`` and ``after``.

    Args:
        journal: where the request stands.
        plan: of the service, which says what stages had seen the data.
        request_id: the request.

    Raises:
        UserError: if there is no such request, or it is not acknowledged yet.
    """
    case = journal.case(request_id)
    reached = [State(entry.state) for entry in case.entries]
    if State.DEACTIVATED not in reached:
        raise UserError(
            f"request {request_id!r}: is {case.state} and not carried out yet; a certificate is "
            "issued from the acknowledgement on"
        )
    last = journal.entries()[-1]
    bare = Certificate(
        request_id=request_id,
        kind=case.kind,
        size=len(case.subjects),
        digest=case.digest,
        reached=_reached(case),
        died=stages_hit(plan, case),
        before=_digests(case, BEFORE),
        after=_digests(case, AFTER),
        environment=versions() | {"machine": platform.machine(), "system": platform.system()},
        guaranteed=guaranteed(reached),
        not_guaranteed=not_guaranteed(reached),
        head=last.hash,
        head_seq=last.seq,
        issued_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Certificate(**{**_fields(bare), "seal": journal.sealed(_body(bare))})


def stages_hit(plan: Plan, case: Case) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Shard and path of every stage that has seen what a request names."""
    return tuple(
        (shard, path)
        for shard, hits in sorted(case.hits.items())
        for path in plan.stages if path not in set(plan.alive(hits))
    )


def _fields(certificate: Certificate) -> dict[str, Any]:
    return {field.name: getattr(certificate, field.name) for field in fields(certificate)}


def _body(certificate: Certificate) -> str:
    return json.dumps({**asdict(certificate), "seal": ""}, sort_keys=True)


def _reached(case: Case) -> dict[str, dict[str, Any]]:
    return {
        entry.state: {"at": entry.at, "seq": entry.seq, "hash": entry.hash}
        for entry in case.entries
    }


def _digests(case: Case, side: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in case.entries:
        found |= entry.content.get(side, {})
    return found
