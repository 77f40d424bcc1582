"""Partitions of RecEraser: users, items or interactions that are alike share a shard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphforget.core.errors import UserError
from recsys.unlearn.partition.base import Partition, Vectors, check_shards
from recsys.unlearn.partition.kmeans import balanced_kmeans


@dataclass(frozen=True)
class Similarity(Partition):
    """Balanced k-means on embeddings (RecEraser, Chen et al., WWW 2022, section 3.2).

    Args:
        shards: S, the paper's 10.
        slack: a shard takes at most ``slack * n / S``, the paper's 1.2.
        rounds: turns of k-means, at most.
    """

    shards: int = 10
    slack: float = 1.2
    rounds: int = 50

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_shards(name, self.shards)
        if not self.slack >= 1:
            raise UserError(f"{name}: slack: wanted a number from 1, got {self.slack!r}")
        if not (isinstance(self.rounds, int) and self.rounds >= 1):
            raise UserError(f"{name}: rounds: wanted a whole number from 1, got {self.rounds!r}")

    def clusters(self, *sides: Tensor, seed: int) -> Tensor:
        """The shard of each point, shape ``(n,)``; see `balanced_kmeans`."""
        return balanced_kmeans(sides, self.shards, self.slack, self.rounds, seed)


@dataclass(frozen=True)
class SimilarUsers(Similarity):
    """RecEraser's UBP: users with similar embeddings share a shard, with all their pairs."""

    def assign(self, pairs: Tensor, vectors: Callable[[], Vectors], seed: int) -> Tensor:
        return self.clusters(vectors().users, seed=seed)[pairs[0]]


@dataclass(frozen=True)
class SimilarItems(Similarity):
    """Items with similar embeddings share a shard, with all their pairs."""

    by_user: ClassVar[bool] = False

    def assign(self, pairs: Tensor, vectors: Callable[[], Vectors], seed: int) -> Tensor:
        return self.clusters(vectors().items, seed=seed)[pairs[1]]


@dataclass(frozen=True)
class SimilarInteractions(Similarity):
    """RecEraser's IBP: pairs whose users and items are both alike share a shard."""

    by_user: ClassVar[bool] = False

    def assign(self, pairs: Tensor, vectors: Callable[[], Vectors], seed: int) -> Tensor:
        known = vectors()
        return self.clusters(known.users[pairs[0]], known.items[pairs[1]], seed=seed)
