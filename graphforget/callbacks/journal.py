"""What became of each request, one line a step, so that a killed training loses none."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.core.files import append_line
from graphforget.request import ForgetRequest
from graphforget.request_file import from_json, to_json

RECEIVED, DONE, REFUSED, MALFORMED = "received", "done", "refused", "malformed"


def key_of(request: ForgetRequest) -> str:
    """The identity of an entry: what is asked, and the caller's name for it.

    >>> key_of(ForgetRequest("node", (1,), id="req-001")).partition(":")[2]
    'req-001'
    """
    return f"{request.digest}:{request.id or ''}"


class Journal:
    """An append-only file of JSON lines: received, then done; or refused, or malformed.

    A request is written down with everything it says before anything is done about it, so it
    survives its own file. The journal is therefore as private as the requests.

    Args:
        path: the file; it is created with the first entry.

    >>> import tempfile
    >>> journal = Journal(Path(tempfile.mkdtemp()) / "queue.journal")
    >>> request = ForgetRequest("node", (1, 3))
    >>> journal.receive(request), journal.receive(request)
    (True, False)
    >>> journal.finish(request, epoch=4)
    >>> again = Journal(journal.path)
    >>> list(again.received.values()) == list(again.done.values()) == [request]
    True
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.received: dict[str, ForgetRequest] = {}
        self.done: dict[str, ForgetRequest] = {}
        self._read()

    def receive(self, request: ForgetRequest) -> bool:
        """Write a request down, unless it is there already; say whether it is new."""
        key = key_of(request)
        if key in self.received:
            return False
        self._add(RECEIVED, key=key, request=json.loads(to_json(request)))
        self.received[key] = request
        return True

    def finish(self, request: ForgetRequest, **how: Any) -> None:
        """Write down that a request was carried out, and how."""
        self._add(DONE, key=key_of(request), **how)
        self.done[key_of(request)] = request

    def refuse(self, request: ForgetRequest, reason: str) -> None:
        """Write down why a request could not be carried out this time."""
        self._add(REFUSED, key=key_of(request), reason=reason)

    def set_aside(self, problem: str) -> None:
        """Write down what was found in the place of a request."""
        self._add(MALFORMED, reason=problem)

    def _add(self, state: str, **entry: Any) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        append_line(self.path, json.dumps({"state": state, **entry, "at": at}))

    def _read(self) -> None:
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                state, key = entry["state"], entry.get("key", "")
                if state == RECEIVED:
                    self.received[key] = from_json(json.dumps(entry["request"]), str(self.path))
                elif state == DONE and key in self.received:
                    self.done[key] = self.received[key]
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # cut short by a kill: what it stood for is read from the inbox again


def requests_to_state(requests: dict[str, ForgetRequest]) -> list[dict[str, Any]]:
    """Requests as plain lists, numbers and text, which a checkpoint can hold without pickle."""
    return [
        {**asdict(request), "index": [_plain(entry) for entry in request.index]}
        for request in requests.values()
    ]


def requests_from_state(state: Any) -> dict[str, ForgetRequest]:
    """Read what `requests_to_state` wrote.

    Raises:
        UserError: if it is anything else.
    """
    try:
        requests = [ForgetRequest(**entry) for entry in state]
    except TypeError as error:
        raise UserError(f"checkpoint: wanted a list of forget requests ({error})") from None
    return {key_of(request): request for request in requests}


def _plain(entry: Any) -> Any:
    return list(entry) if isinstance(entry, tuple) else entry
