"""Requests over which hosts crash: carried out by their slices alone, without looking into them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from graphforget.exact.deletion import Deletion
from graphforget.exact.layout import System
from graphforget.request import ForgetRequest


class SetAside:
    """The names of such requests, and how often the router itself died over one, on the disk.

    Args:
        path: of a small JSON file.

    Raises:
        UserError: if it is damaged.

    >>> import tempfile
    >>> aside = SetAside(Path(tempfile.mkdtemp()) / "set_aside.json")
    >>> aside.attempt("req-1"); aside.add("req-1")
    >>> aside.attempts("req-1"), aside.names()
    (1, frozenset({'req-1'}))
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            said = json.loads(path.read_bytes()) if path.exists() else {"names": [], "attempts": {}}
            self._names: set[str] = set(said["names"])
            self._attempts: dict[str, int] = dict(said["attempts"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}: wanted the requests that are set aside ({type(error).__name__}: "
                f"{error}); restore the file, or remove it to look into all of them again"
            ) from None

    def names(self) -> frozenset[str]:
        """Requests that are set aside."""
        return frozenset(self._names)

    def attempts(self, request_id: str) -> int:
        """How often a request was begun without coming to its end."""
        return self._attempts.get(request_id, 0)

    def attempt(self, request_id: str) -> None:
        """Count one more, before it is begun."""
        self._attempts[request_id] = self.attempts(request_id) + 1
        self._write()

    def survived(self, request_ids: Iterable[str]) -> None:
        """Requests that were begun, and nobody died over them."""
        counted = {name for name in request_ids if name in self._attempts}
        if counted:
            self._attempts = {key: n for key, n in self._attempts.items() if key not in counted}
            self._write()

    def add(self, request_id: str) -> None:
        """Set a request aside."""
        self._names.add(request_id)
        self._write()

    def remove(self, request_ids: Iterable[str]) -> None:
        """Forget about requests that are through."""
        gone = set(request_ids) & (self._names | set(self._attempts))
        if gone:
            self._names -= gone
            self._attempts = {key: n for key, n in self._attempts.items() if key not in gone}
            self._write()

    def _write(self) -> None:
        said = {"names": sorted(self._names), "attempts": self._attempts}
        write_atomically(self._path, json.dumps(said) + "\n")


def widened(deletion: Deletion, system: System) -> Deletion:
    """A deletion of everything in the slices that a request touches, its own items among it.

    Only the places of ids are computed; nothing is looked up in the rows.

    Args:
        deletion: the request as it came.
        system: says where ids are placed, and which there are.
    """
    request, placement = deletion.request, system.plan.placement
    pairs = request.kind in ForgetRequest.PAIRS
    named = {id for item in request.index for id in (item if pairs else (item,))}
    touched = {placement.place(id) for id in named}
    ids = system.source.ids()
    shards, slices = placement.of(ids)
    places = zip(shards.tolist(), slices.tolist(), strict=True)
    within = [int(id) for id, place in zip(ids, places, strict=True) if place in touched]
    hits = dict(deletion.hits)
    for shard, slice in touched:
        hits[shard] = hits.get(shard, frozenset()) | {frozenset({slice})}
    unit = "user" if request.kind in ("user", "item", "interaction") else "node"
    everything = ForgetRequest(unit, tuple(named | set(within)), deletion.request_id)
    return replace(deletion, hits=hits, request=everything)
