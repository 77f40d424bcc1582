"""Where the rows of each slice are kept, read and forgotten."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from numpy import ndarray

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest

Hit = frozenset[int]
"""Slices of one shard whose rows meet in a deleted item; a stage that has seen them all dies."""

Hits = frozenset[Hit]
"""What a request does to one shard: a stage dies that has seen all slices of any of the hits."""


class DamagedRows(UserError):
    """Shards whose rows could not be read, and why; all others have lost what was named.

    >>> str(DamagedRows({1: "slice 0 is torn"}))
    'shard 1: slice 0 is torn'
    """

    def __init__(self, why: Mapping[int, str]) -> None:
        super().__init__(why)
        self.why = dict(why)

    def __str__(self) -> str:
        return "; ".join(f"shard {shard}: {said}" for shard, said in sorted(self.why.items()))


class Source(ABC):
    """A folder of rows, cut by shard and slice, and the rows that are answered about.

    What belongs to several slices, as an edge between two does, is read by the stages that may
    see all of them, and by no other: neither its content nor its absence reaches any other stage.
    """

    @property
    @abstractmethod
    def reads(self) -> list[tuple[int, Hit]]:
        """What `rows` has read since the list was last cleared: a shard and the slices at once."""

    @abstractmethod
    def ids(self) -> ndarray:
        """Ids that are there and not forgotten, ascending, shape ``(K,)``."""

    @abstractmethod
    def rows(self, shard: int, slices: Iterable[int]) -> Any:
        """The rows of these slices of a shard and what connects them; nothing else is opened.

        They stand in an order of their own: without one row, the others keep their order.
        """

    @abstractmethod
    def whole(self) -> Any:
        """All rows that are not forgotten, for answering; ids keep their places."""

    @abstractmethod
    def digest(self, shard: int, slices: Iterable[int]) -> str:
        """Sha256 of all that `rows` would read for the same arguments."""

    @abstractmethod
    def outstanding(self, request: ForgetRequest, missing: bool = False) -> ForgetRequest | None:
        """What is still to be forgotten of a request; None if all of it is gone already.

        Args:
            request: what is asked.
            missing: let pass what was never there, as if it had been forgotten already.

        Raises:
            UserError: if the request names what was never there or is of a kind that these rows
                do not know.
        """

    @abstractmethod
    def hits(self, request: ForgetRequest) -> dict[int, Hits]:
        """What a request does to the stages, for each shard that it touches.

        Items that are gone already hit nothing. Asked before `forget`.
        """

    @abstractmethod
    def without(self, rows: Any, request: ForgetRequest) -> Any:
        """Rows that `whole` gave, without what a request names; the input is not changed."""

    @abstractmethod
    def forget(self, request: ForgetRequest) -> None:
        """Remove what a request names from every file, for good.

        Each file is replaced as a whole. Killed in between and called again, it ends where it
        would have ended; called twice, it changes nothing the second time.

        Raises:
            DamagedRows: at the end, if shards could not be read. What a request names of these
                stays `outstanding`, and goes when they are restored and this is called again.
        """


def in_one(requests: Iterable[ForgetRequest]) -> list[ForgetRequest]:
    """The same in as few requests as there are kinds, so that each file is written but once.

    >>> [one.index for one in in_one([ForgetRequest("node", [3]), ForgetRequest("node", [1])])]
    [(1, 3)]
    """
    index: dict[str, list[Any]] = {}
    for request in requests:
        index.setdefault(request.kind, []).extend(request.index)
    return [ForgetRequest(kind, tuple(ids)) for kind, ids in sorted(index.items())]
