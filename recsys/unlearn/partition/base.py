"""Partitions: which shard each training pair of a recommender belongs to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphforget.core.errors import UserError


@dataclass(frozen=True, eq=False)
class Vectors:
    """What a model trained on all pairs knows of users and items.

    Args:
        users: embeddings, shape ``(U, d)``.
        items: embeddings, shape ``(I, d)``.
    """

    users: Tensor
    items: Tensor


class Partition(ABC):
    """A way to spread training pairs over shards. Subclasses are frozen dataclasses."""

    data_independent: ClassVar[bool] = False
    """Whether a pair's shard depends on nothing but its own ids.

    Where it does not, the shards tell of every pair that was there when they were made: training
    hit shards again is then no exact deletion, although it is published as one.
    """

    by_user: ClassVar[bool] = True
    """Whether all pairs of a user share a shard."""

    shards: int
    """Number of shards, ``S``."""

    @abstractmethod
    def assign(self, pairs: Tensor, vectors: Callable[[], Vectors], seed: int) -> Tensor:
        """The shard of each pair, int64, shape ``(E,)``.

        Args:
            pairs: users and items, each counted from 0, int64, shape ``(2, E)``.
            vectors: gives the embeddings of a model trained on these pairs; training it costs
                something, so it is called only where it is needed.
            seed: of the first centroids.
        """


def check_shards(name: str, shards: int) -> None:
    """Raise a `UserError` unless the number of shards is a whole number from 1."""
    if isinstance(shards, bool) or not isinstance(shards, int) or shards < 1:
        raise UserError(f"{name}: shards: wanted a whole number from 1, got {shards!r}")


def expected_hits(shards: int, requests: int) -> float:
    """How many shards that many independent requests hit, ``S (1 - (1 - 1/S)^b)``.

    >>> round(expected_hits(10, 1), 2), round(expected_hits(10, 10), 2)
    (1.0, 6.51)
    """
    return shards * (1 - (1 - 1 / shards) ** requests)
