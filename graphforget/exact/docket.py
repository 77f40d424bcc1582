"""The requests that a journal tells of, found by their ids, by state and by what they name."""

from __future__ import annotations

from collections.abc import Iterable
from threading import RLock
from typing import Any

from graphforget.core.errors import UserError
from graphforget.exact.case import Case, State, subject_of


class Docket:
    """Requests in memory; threads may ask and enter at once.

    Args:
        cases: in the order in which they came.
        key: of the journal, under which it knows ids.

    >>> from graphforget.exact.chain import Entry
    >>> said = '{"kind": "node", "digest": "", "subjects": ["%s"], "hits": {}}'
    >>> text = said % subject_of(b"key", "node", 7)
    >>> from graphforget.exact.case import case_of
    >>> case = case_of(Entry(1, "req-1", "RECEIVED", "", text, "", "", ""))
    >>> docket = Docket([case], b"key")
    >>> [one.request_id for one in docket.naming("node", 7)], docket.naming("node", 8)
    (['req-1'], ())
    """

    def __init__(self, cases: Iterable[Case], key: bytes) -> None:
        self._guard, self._key = RLock(), key
        self._cases: dict[str, Case] = {}
        self._named: dict[str, tuple[str, ...]] = {}  # what an id is mapped to -> requests
        for case in cases:
            self._enter(case)

    def case(self, request_id: str) -> Case:
        """What is known of a request."""
        try:
            return self._cases[request_id]
        except (KeyError, TypeError):
            raise UserError(f"request {request_id!r}: the journal knows none of this id") from None

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._cases

    def cases(self) -> tuple[Case, ...]:
        """All requests, in the order in which they came."""
        with self._guard:
            return tuple(self._cases.values())

    def pending(self, state: State) -> tuple[Case, ...]:
        """The requests that have come as far as this state and no further, oldest first."""
        return tuple(case for case in self.cases() if case.state is state)

    def naming(self, kind: str, named: Any) -> tuple[Case, ...]:
        """The requests of a kind that have named an id, or a pair of ids, oldest first."""
        with self._guard:
            found = self._named.get(subject_of(self._key, kind, named), ())
            return tuple(self._cases[request_id] for request_id in found)

    def _enter(self, case: Case) -> None:
        """Take a request in, or put it in the place of the same one as it was."""
        with self._guard:
            if case.request_id not in self._cases:
                for subject in case.subjects:
                    self._named[subject] = (*self._named.get(subject, ()), case.request_id)
            self._cases[case.request_id] = case
