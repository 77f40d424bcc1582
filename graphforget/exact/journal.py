"""What became of every request to forget: written down before it is promised, and tamper-evident.

The journal is what the service goes by after a crash. It names no row and no person: ids are kept
as HMACs under a key that lies elsewhere, and the ids of open requests in files of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from graphforget.core.errors import UserError
from graphforget.exact.case import (
    Case,
    State,
    case_of,
    cases_of,
    check_id,
    hits_to_json,
    subject_of,
)
from graphforget.exact.chain import Entry, Finding, certificate_seal, keyed, told
from graphforget.exact.docket import Docket
from graphforget.exact.journal_check import journal_findings
from graphforget.exact.ledger import Ledger, head_of
from graphforget.exact.payloads import Payloads, payload_name, payloads_of
from graphforget.request import ForgetRequest


class Journal(Docket):
    """The requests of a service and how far each has come; one process writes, and threads may.

    Nothing is returned before it is on the disk. Every method may be called again after a crash:
    a request is known by its id, and a state that is reached already is not reached again.

    Args:
        path: the SQLite file; made if it is not there. The ids of open requests go into
            ``<path>.open/``.
        key: at least 16 secret bytes, see `graphforget.exact.key`; they must not lie in the same
            folder.

    Raises:
        UserError: if another process writes to it, if it is damaged or was changed, or if it was
            written with another key.

    >>> import tempfile
    >>> journal = Journal(Path(tempfile.mkdtemp()) / "journal.db", key=b"0123456789abcdef")
    >>> request = ForgetRequest("node", (7,), id="req-1")
    >>> case = journal.open_request("req-1", request, hits={0: [[2]]})
    >>> case.state, journal.request("req-1").index
    (<State.JOURNALLED: 'JOURNALLED'>, (7,))
    >>> _ = journal.advance("req-1", State.DEACTIVATED, {"epoch": 1})
    >>> [case.request_id for case in journal.pending(State.DEACTIVATED)], journal.verify()
    (['req-1'], [])
    """

    def __init__(self, path: str | Path, key: bytes) -> None:
        if not isinstance(key, bytes) or len(key) < 16:
            raise UserError("journal key: wanted at least 16 bytes; graphforget.exact.key draws it")
        self.path = Path(path)
        self._payloads = Payloads(payloads_of(self.path))
        there = self.path.exists() or head_of(self.path).exists()  # these the ledger looks into
        if not there and self._payloads.names():
            raise UserError(
                f"{self.path}: is gone, and {self._payloads.folder} still has requests that it "
                "told of; restore it from a backup, nothing is served or taken without it"
            )
        self._ledger = Ledger(self.path, key)
        try:
            cases = cases_of(self._ledger.entries, str(self.path)).values()
            super().__init__(cases, key)
            self._payloads.sweep(
                self._name(case.request_id) for case in cases if case.state is not State.PURGED
            )
        except BaseException:
            self._ledger.close()
            raise

    def name_of(self, request: ForgetRequest) -> str:
        """The caller's name for a request; one that has none is named after what it asks."""
        return request.id or f"request-{self.keyed_digest(request)[:24]}"

    def open_request(
        self,
        request_id: str,
        request: ForgetRequest,
        hits: Mapping[int, Iterable[Iterable[int]]],
    ) -> Case:
        """Write a request down: once this returns, it will be carried out.

        Args:
            request_id: the caller's name for it. Sent again, it gives the case as it is by then.
            request: what is asked.
            hits: for each shard the sets of slices that it hits, as `Source.hits` gives them.

        Raises:
            UserError: if the same id stands for another request already.
        """
        check_id(request_id)
        digest = self.keyed_digest(request)
        with self._guard:
            if request_id in self:
                known = self.case(request_id)
                if known.digest != digest:
                    raise UserError(
                        f"request {request_id!r}: another request came under this id before; give "
                        "every request an id of its own"
                    )
                return known
            said = {
                "kind": request.kind,
                "digest": digest,
                "subjects": [subject_of(self._key, request.kind, named) for named in request.index],
                "hits": hits_to_json(hits),
            }
            self._payloads.write(self._name(request_id), request)
            received = self._next(self._last(), request_id, State.RECEIVED, said)
            journalled = self._next(received, request_id, State.JOURNALLED, {})
            self._ledger.append([received, journalled])
            case = replace(case_of(received), entries=(received, journalled))
            self._enter(case)
            return case

    def request(self, request_id: str) -> ForgetRequest:
        """What an open request names.

        Raises:
            UserError: if there is no such request, or it is purged and nobody knows any more.
        """
        with self._guard:
            if self.case(request_id).state is State.PURGED:
                raise UserError(f"request {request_id!r}: is purged, what it named is not kept")
            return self._payloads.read(self._name(request_id))

    def advance(
        self, request_id: str, state: State, note: Mapping[str, Any] | None = None
    ) -> Entry:
        """Write down that a request has reached a state, and return when it is on the disk.

        Args:
            request_id: the request.
            state: the state. One that was reached before stays as it was, and its entry is
                returned.
            note: what else is to be said, as JSON has it; no ids.

        Raises:
            UserError: if there is no such request, or it cannot come to that state from its own.
        """
        return self.advance_all([request_id], state, note)[0]

    def advance_all(
        self, request_ids: Iterable[str], state: State, note: Mapping[str, Any] | None = None
    ) -> list[Entry]:
        """The same for many requests at once, all or none."""
        with self._guard:
            cases = {request_id: self.case(request_id) for request_id in request_ids}
            last, new = self._last(), {}
            for request_id, case in cases.items():
                if case.entry(state) is not None:
                    continue
                if not state.may_follow(case.state):
                    raise UserError(
                        f"request {request_id!r}: cannot come to {state} from {case.state}"
                    )
                last = new[request_id] = self._next(last, request_id, state, note or {})
            if new:
                self._ledger.append(list(new.values()))
            for request_id, entry in new.items():
                case = cases[request_id]
                cases[request_id] = replace(case, entries=(*case.entries, entry))
                self._enter(cases[request_id])
            if state is State.PURGED:  # killed before this, the next opening sweeps
                for request_id in cases:
                    self._payloads.destroy(self._name(request_id))
            reached = [case.entry(state) for case in cases.values()]
            return [entry for entry in reached if entry is not None]

    def entries(self) -> tuple[Entry, ...]:
        """Everything that was written down, oldest first."""
        with self._guard:
            return tuple(self._ledger.entries)

    @property
    def head(self) -> str:
        """Hash of the last entry: who keeps it can tell later whether the journal was changed."""
        with self._guard:
            last = self._last()
            return "" if last is None else last.hash

    def keyed_digest(self, request: ForgetRequest) -> str:
        """The digest of a request as the journal has it: useless without the key."""
        return keyed(self._key, "digest", request.digest)

    def sealed(self, text: str) -> str:
        """What only the holder of the key can put to a text, such as a certificate's."""
        return certificate_seal(text, self._key)

    def verify(self) -> list[Finding]:
        """What is wrong with the journal as it is on the disk now."""
        with self._guard:
            return journal_findings(self.path, self._key)

    def close(self) -> None:
        """Let another process write."""
        with self._guard:
            self._ledger.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _last(self) -> Entry | None:
        return self._ledger.entries[-1] if self._ledger.entries else None

    def _next(
        self, last: Entry | None, request_id: str, state: State, said: Mapping[str, Any]
    ) -> Entry:
        return told(last, request_id, state.value, said, self._key)

    def _name(self, request_id: str) -> str:
        return payload_name(self._key, request_id)
