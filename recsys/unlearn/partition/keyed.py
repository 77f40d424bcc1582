"""Partitions by a keyed hash: a pair's shard depends on its own ids, on nobody else's.

The exact alternative to clusters. Clusters are made from embeddings that were trained on all
pairs, so what is released after a deletion still is a function of what was deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphforget.exact.placement import Placement
from recsys.unlearn.partition.base import Partition, Vectors


@dataclass(frozen=True)
class Hashed(Partition):
    """A shard by BLAKE2 of an id.

    Args:
        shards: S.
        salt: key of the hash; whoever knows it knows who shares a shard with whom.
    """

    data_independent: ClassVar[bool] = True

    shards: int = 10
    salt: str = "recsys"

    def __post_init__(self) -> None:
        self.placement  # noqa: B018  (it refuses what is no number of shards)

    @property
    def placement(self) -> Placement:
        """The hash."""
        return Placement(self.shards, 1, self.salt)

    def _shards(self, ids: Iterable[int | str]) -> Tensor:
        return torch.from_numpy(self.placement.of(ids)[0])


@dataclass(frozen=True)
class HashedUsers(Hashed):
    """All pairs of a user go where his id is hashed to."""

    def assign(self, pairs: Tensor, vectors: Callable[[], Vectors], seed: int) -> Tensor:
        users, place = pairs[0].unique(return_inverse=True)
        return self._shards(users.tolist())[place]


@dataclass(frozen=True)
class HashedInteractions(Hashed):
    """A pair goes where user and item together are hashed to."""

    by_user: ClassVar[bool] = False

    def assign(self, pairs: Tensor, vectors: Callable[[], Vectors], seed: int) -> Tensor:
        return self._shards(f"{user}:{item}" for user, item in pairs.t().tolist())
