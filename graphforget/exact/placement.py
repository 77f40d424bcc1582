"""Where an item lives: a shard and a slice, by a keyed hash of its id and nothing else.

An item's place must not depend on what other items there are. Ranks, equal shares and clusters
move others when one leaves, and then models that never saw the one that left still change.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError

Id = int | str
"""What an item is called: a node's number, a user's name. 12 and "12" are the same item."""


@dataclass(frozen=True)
class Placement:
    """Shards and slices, and the place of every id in them.

    Args:
        shards: number of shards, m.
        slices: number of slices a shard, L.
        salt: key of the hash; whoever knows it knows who shares a slice with whom.
        public: ids that are never asked back. Where there are some, slice 0 of every shard holds
            nothing else, and all others are spread over slices 1 to L-1.

    Raises:
        UserError: if there is no shard, no slice or no salt, or no slice left beside the public.

    >>> Placement(shards=4, slices=4, salt="mine").place(13)
    (1, 3)
    >>> Placement(shards=4, slices=4, salt="mine", public=(12, 13)).place(13)
    (1, 0)
    """

    shards: int
    slices: int
    salt: str = "graphforget"
    public: tuple[Id, ...] = ()

    def __post_init__(self) -> None:
        _check_count("shards", self.shards)
        _check_count("slices", self.slices)
        if not isinstance(self.salt, str) or not self.salt:
            raise UserError(f"salt: wanted some text, got {self.salt!r}; any word of your own does")
        object.__setattr__(self, "public", tuple(sorted(map(_plain, self.public), key=_order)))
        if self.public and self.slices < 2:
            raise UserError(
                "slices: wanted at least 2 beside public ids, whose slice holds nothing else, "
                f"got {self.slices}"
            )

    def place(self, id: Id) -> tuple[int, int]:
        """Shard and slice of an id."""
        word = _word(id)
        keyed = hashlib.blake2b(word, key=self._key, digest_size=16).digest()
        shard = int.from_bytes(keyed[:8], "little") % self.shards
        free = int.from_bytes(keyed[8:], "little")
        if not self.public:
            return shard, free % self.slices
        return shard, 0 if word in self._public_words else 1 + free % (self.slices - 1)

    def of(self, ids: Iterable[Id] | NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Shards and slices of many ids, two arrays of their number.

        >>> shard, slice = Placement(2, 3, salt="mine").of(range(6))
        >>> shard.tolist(), slice.tolist()
        ([1, 0, 1, 0, 1, 1], [2, 0, 2, 2, 0, 1])
        """
        listed = ids.tolist() if isinstance(ids, np.ndarray) else ids
        places = np.array([self.place(id) for id in listed], dtype=np.int64).reshape(-1, 2)
        return places[:, 0], places[:, 1]

    @cached_property
    def _key(self) -> bytes:
        return hashlib.blake2b(self.salt.encode(), digest_size=32).digest()

    @cached_property
    def _public_words(self) -> frozenset[bytes]:
        return frozenset(map(_word, self.public))


def _word(id: Id) -> bytes:
    return str(_plain(id)).encode()


def _plain(id: Id) -> Id:
    if isinstance(id, str):
        return id
    try:
        return operator.index(id)  # whole numbers of every kind, NumPy's too; no 3.0
    except TypeError:
        raise UserError(f"id: wanted a whole number or text, got {id!r}") from None


def _order(id: Id) -> tuple[bool, Id]:
    return isinstance(id, str), id


def _check_count(name: str, count: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise UserError(f"{name}: wanted a whole number from 1, got {count!r}")
