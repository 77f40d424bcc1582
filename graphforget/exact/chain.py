"""Entries that hold on to each other, so that a change, a gap or a cut shows.

Every entry carries the digest of the one before it, so that anybody can check the chain, and a
seal made with the key, so that whoever lacks the key cannot write the chain anew.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from graphforget.core.errors import UserError

START = "0" * 64
"""What the first entry names as the hash before it."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Args:
        where: the file, or the entry of a journal.
        words: what was found there, in one sentence.
    """

    where: str
    words: str

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


@dataclass(frozen=True)
class Entry:
    """One line of a journal: a request has reached a state.

    Args:
        seq: place in the journal, from 1.
        request_id: the request it is about.
        state: the state it has reached.
        at: ISO 8601 time.
        payload: JSON text of what else is to be said.
        previous: hash of the entry before.
        hash: `digest_of` all of the above.
        seal: `seal_of` the hash.
    """

    seq: int
    request_id: str
    state: str
    at: str
    payload: str
    previous: str
    hash: str
    seal: str

    @cached_property
    def content(self) -> dict[str, Any]:
        """The payload, read."""
        return json.loads(self.payload)


def digest_of(
    seq: int, request_id: str, state: str, at: str, payload: str, previous: str
) -> str:
    """Sha256 over everything that an entry says, and over the hash of the entry before it.

    >>> first = digest_of(1, "a", "RECEIVED", "2026-01-01", "{}", START)
    >>> first == digest_of(1, "a", "RECEIVED", "2026-01-01", "{}", first)
    False
    """
    said = json.dumps([seq, request_id, state, at, payload, previous], separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def seal_of(digest: str, key: bytes) -> str:
    """What only the holder of the key can put to a hash."""
    return keyed(key, "seal", digest)


def certificate_seal(text: str, key: bytes) -> str:
    """What only the holder of the key can put to a certificate."""
    return keyed(key, "certificate", text)


def keyed(key: bytes, purpose: str, text: str) -> str:
    """HMAC-SHA256 of a text; one purpose's values say nothing about another's.

    >>> keyed(b"k" * 32, "subject", "7") == keyed(b"k" * 32, "seal", "7")
    False
    """
    said = json.dumps([purpose, text]).encode()
    return hmac.new(key, said, hashlib.sha256).hexdigest()


def linked(
    last: Entry | None, request_id: str, state: str, at: str, payload: str, key: bytes
) -> Entry:
    """The entry that follows ``last``."""
    seq, previous = (1, START) if last is None else (last.seq + 1, last.hash)
    digest = digest_of(seq, request_id, state, at, payload, previous)
    return Entry(
        seq, request_id, state, at, payload, previous, digest, seal_of(digest, key)
    )


def told(
    last: Entry | None, request_id: str, state: str, said: Mapping[str, Any], key: bytes
) -> Entry:
    """The entry that follows ``last``, written now.

    Raises:
        UserError: if JSON cannot say what is said.
    """
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    try:
        payload = json.dumps(said, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"request {request_id!r}: wanted a note that JSON can say ({error})"
        ) from None
    return linked(last, request_id, state, at, payload, key)


def broken_links(entries: Iterable[Entry], where: str, key: bytes | None = None) -> list[Finding]:
    """What is wrong with a chain, in its order.

    Args:
        entries: from the first to the last.
        where: what to call the journal.
        key: without it the seals are not looked at, and a chain written anew passes.

    >>> one = linked(None, "a", "RECEIVED", "2026-01-01", "{}", b"key")
    >>> two = linked(one, "a", "JOURNALLED", "2026-01-01", "{}", b"key")
    >>> broken_links([one, two], "journal", b"key")
    []
    >>> print(broken_links([two], "journal")[0])
    journal, entry 2: follows on another entry than the one before it: entry 1 is missing
    """
    found: list[Finding] = []
    before, number = START, 0
    for entry in entries:
        place = f"{where}, entry {entry.seq}"
        said = (entry.seq, entry.request_id, entry.state, entry.at, entry.payload, entry.previous)
        if entry.seq != number + 1:
            gap = f"entry {number + 1} is missing"
            found.append(
                Finding(place, f"follows on another entry than the one before it: {gap}")
            )
        elif entry.previous != before:
            found.append(Finding(place, "does not follow on the entry before it"))
        if digest_of(*said) != entry.hash:
            found.append(Finding(place, "was changed after it was written"))
        elif key is not None and not _is_sealed(entry, key):
            found.append(Finding(place, "bears the seal of another key than this one"))
        before, number = entry.hash, entry.seq
    return found


def _is_sealed(entry: Entry, key: bytes) -> bool:
    wanted = seal_of(entry.hash, key)
    return isinstance(entry.seal, str) and hmac.compare_digest(
        wanted.encode(), entry.seal.encode()
    )
