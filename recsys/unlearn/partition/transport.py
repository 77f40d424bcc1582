"""Balanced clustering by optimal transport, as UltraRE does it: all shards take equal mass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from graphforget.core.errors import UserError
from recsys.unlearn.partition.base import Partition, Vectors, check_shards
from recsys.unlearn.partition.kmeans import means, squared_distance


def sinkhorn(cost: Tensor, blur: float, iterations: int) -> Tensor:
    """Entropic transport plan from ``n`` equal points to ``S`` equal shards, shape ``(n, S)``.

    ``min <T, cost> - blur H(T)`` with rows that sum to ``1/n`` and columns that sum to ``1/S``
    (Cuturi, NeurIPS 2013), on logarithms so that a small ``blur`` does not underflow.

    Args:
        cost: shape ``(n, S)``.
        blur: weight of the entropy, in units of the mean cost.
        iterations: turns of the two scalings.

    >>> plan = sinkhorn(torch.tensor([[0.0, 1.0], [0.1, 1.0]]), blur=0.05, iterations=200)
    >>> plan.sum(0), plan.argmax(1)
    (tensor([0.5000, 0.5000]), tensor([0, 1]))
    """
    count, shards = cost.shape
    kernel = -cost / (blur * cost.mean().clamp(min=torch.finfo(cost.dtype).tiny))
    rows, columns = kernel.new_zeros(count), kernel.new_zeros(shards)
    for _ in range(iterations):
        rows = -math.log(count) - torch.logsumexp(kernel + columns, 1)
        columns = -math.log(shards) - torch.logsumexp(kernel + rows[:, None], 0)
    return (kernel + rows[:, None] + columns).exp()


def transport_clusters(
    x: Tensor, shards: int, blur: float, iterations: int, rounds: int, seed: int
) -> Tensor:
    """The shard of each point, int64, shape ``(n,)``: where most of its mass goes.

    Args:
        x: points, shape ``(n, d)``.
        shards: ``S``.
        blur: see `sinkhorn`.
        iterations: see `sinkhorn`.
        rounds: turns of transport and centroids, at most.
        seed: of the points that are the first centroids.
    """
    if len(x) < shards:
        raise UserError(f"partition: wanted at least {shards} points for {shards} shards, "
                        f"got {len(x)}; take fewer shards")
    centroids = x[torch.randperm(len(x), generator=Generator().manual_seed(seed))[:shards]]
    shard = torch.full((len(x),), -1)
    for _ in range(rounds):
        plan = sinkhorn(squared_distance(x, centroids), blur, iterations)
        before, shard = shard, plan.argmax(1)
        if torch.equal(before, shard):
            break
        centroids = means(x, shard, centroids)
    return shard


@dataclass(frozen=True)
class TransportedUsers(Partition):
    """UltraRE's partition of users (Li et al., NeurIPS 2023, section 4.1).

    Args:
        shards: S.
        blur: weight of the entropy, in units of the mean distance.
        iterations: of Sinkhorn's scalings.
        rounds: turns of transport and centroids, at most; the paper's 10.
    """

    shards: int = 10
    blur: float = 0.01
    iterations: int = 200
    rounds: int = 10

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_shards(name, self.shards)
        if not self.blur > 0:
            raise UserError(f"{name}: blur: wanted a number above 0, got {self.blur!r}")
        for field in ("iterations", "rounds"):
            value = getattr(self, field)
            if not (isinstance(value, int) and value >= 1):
                raise UserError(f"{name}: {field}: wanted a whole number from 1, got {value!r}")

    def assign(self, pairs: Tensor, vectors: Callable[[], Vectors], seed: int) -> Tensor:
        users = vectors().users
        shard = transport_clusters(
            users, self.shards, self.blur, self.iterations, self.rounds, seed
        )
        return shard[pairs[0]]
