"""Balanced k-means: every point goes to the nearest centroid that still has room."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from graphforget.core.errors import UserError

Distance = Callable[[Tensor, Tensor], Tensor]


def squared_distance(x: Tensor, centroids: Tensor) -> Tensor:
    """Squared Euclidean distance of each point to each centroid, shape ``(n, S)``.

    Args:
        x: points, shape ``(n, d)``.
        centroids: shape ``(S, d)``.

    >>> squared_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[25.,  1.]])
    """
    return torch.cdist(x, centroids, compute_mode="donot_use_mm_for_euclid_dist").square()


def nearest_with_room(distance: Tensor, room: int) -> Tensor:
    """The shard of each point, int64, shape ``(n,)``: no shard takes more than ``room``.

    RecEraser goes through all pairs of a point and a centroid from the nearest on and takes what
    still fits (Chen et al., WWW 2022, algorithm 1). Points that ask at their nearest centroid and
    are sent on by those that stand closer end in the same places, since both sides prefer the
    shorter distance; a whole round of asking is one sort.

    Args:
        distance: of each point to each centroid, shape ``(n, S)``.
        room: most points a centroid takes; ``S * room`` is at least ``n``.

    Raises:
        UserError: if there is not enough room.

    >>> nearest_with_room(torch.tensor([[0.1, 9.0], [0.2, 1.0], [0.3, 7.0]]), room=2)
    tensor([0, 0, 1])
    """
    count, shards = distance.shape
    if shards * room < count:
        raise UserError(
            f"partition: wanted room for {count}, got {shards} shards of {room}; allow more slack"
        )
    preferred, at = distance.argsort(dim=1, stable=True), torch.zeros(count, dtype=torch.int64)
    while True:
        shard = preferred.gather(1, at[:, None])[:, 0]
        near = distance.gather(1, shard[:, None])[:, 0].argsort(stable=True)
        queue = near[shard[near].argsort(stable=True)]  # by shard, the closest of each first
        size = shard.bincount(minlength=shards)
        first = (size.cumsum(0) - size)[shard[queue]]
        refused = queue[torch.arange(count) - first >= room]
        if not len(refused):
            return shard
        at[refused] += 1


def means(x: Tensor, shard: Tensor, centroids: Tensor) -> Tensor:
    """The mean of each shard's points, shape ``(S, d)``; an empty shard keeps its centroid.

    The mean is over points, an axis of its own: published code takes it over points and
    coordinates at once, which makes every centroid a single number.

    Args:
        x: points, shape ``(n, d)``.
        shard: of each point, shape ``(n,)``.
        centroids: those before, shape ``(S, d)``.

    >>> means(torch.tensor([[0.0, 2.0], [2.0, 4.0]]), torch.tensor([0, 0]), torch.ones(2, 2))
    tensor([[1., 3.],
            [1., 1.]])
    """
    sums = torch.zeros_like(centroids).index_add_(0, shard, x)
    size = shard.bincount(minlength=len(centroids))[:, None]
    return torch.where(size > 0, sums / size.clamp(min=1), centroids)


def balanced_kmeans(
    sides: Sequence[Tensor], shards: int, slack: float, rounds: int, seed: int
) -> Tensor:
    """The shard of each point, by turns of assignment and centroids, int64, shape ``(n,)``.

    A point may have several sides, such as a user and an item; its distance to a centroid is the
    product of the sides' squared distances (RecEraser's IBP), or the one there is (UBP).

    Args:
        sides: points, each ``(n, d)``.
        shards: ``S``.
        slack: a shard takes at most ``slack * n / S`` points.
        rounds: most turns; it ends earlier where no point moves.
        seed: of the points that are the first centroids.
    """
    count = len(sides[0])
    if count < shards:
        raise UserError(f"partition: wanted at least {shards} points for {shards} shards, "
                        f"got {count}; take fewer shards")
    start = torch.randperm(count, generator=Generator().manual_seed(seed))[:shards]
    centroids, room = [side[start] for side in sides], math.ceil(slack * count / shards)
    shard = torch.full((count,), -1)
    for _ in range(rounds):
        distance = squared_distance(sides[0], centroids[0])
        for side, centre in zip(sides[1:], centroids[1:], strict=True):
            distance = distance * squared_distance(side, centre)
        before, shard = shard, nearest_with_room(distance, room)
        if torch.equal(before, shard):
            break
        centroids = [means(side, shard, c) for side, c in zip(sides, centroids, strict=True)]
    return shard


def within(x: Tensor, shard: Tensor) -> float:
    """Sum of squared distances of points to their own shard's mean: less is tighter.

    >>> within(torch.tensor([[0.0], [2.0], [9.0]]), torch.tensor([0, 0, 1]))
    2.0
    """
    centre = means(x, shard, x.new_zeros(int(shard.max()) + 1, x.size(1)))
    return float((x - centre[shard]).square().sum())
