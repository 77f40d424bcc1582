"""Partitions: the nearest centroid with room, equal shards, and who moves when somebody leaves."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from recsys.unlearn.partition import (
    HashedInteractions,
    HashedUsers,
    SimilarInteractions,
    SimilarItems,
    SimilarUsers,
    TransportedUsers,
    Vectors,
    expected_hits,
)
from recsys.unlearn.partition.kmeans import (
    balanced_kmeans,
    nearest_with_room,
    squared_distance,
    within,
)
from recsys.unlearn.partition.transport import sinkhorn

CLUSTERED = [SimilarUsers, SimilarItems, SimilarInteractions, TransportedUsers]
HASHED = [HashedUsers, HashedInteractions]


def planted(count: int = 90, groups: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around far centres, and the centre of each."""
    generator = torch.Generator().manual_seed(seed)
    centre = 4 * torch.eye(groups, 4)
    group = torch.arange(count) % groups
    return centre[group] + 0.3 * torch.randn(count, 4, generator=generator), group


def pairs_of(vectors: Vectors, count: int = 400, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randperm(len(vectors.users) * len(vectors.items), generator=generator)[:count]
    return torch.stack([draw // len(vectors.items), draw % len(vectors.items)])


def known() -> Vectors:
    return Vectors(planted(90)[0], planted(60, seed=5)[0])


def test_no_shard_is_overfull_and_the_greedy_order_is_kept():
    distance = torch.rand(200, 7, generator=torch.Generator().manual_seed(3))
    room = 30
    found = nearest_with_room(distance, room)
    size, taken = [0] * 7, {}
    for place in distance.flatten().argsort(stable=True).tolist():  # as the paper goes through it
        point, shard = divmod(place, 7)
        if point not in taken and size[shard] < room:
            taken[point], size[shard] = shard, size[shard] + 1
    assert found.tolist() == [taken[point] for point in range(200)]


def test_with_room_for_all_it_is_the_nearest_centroid():
    distance = torch.rand(50, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(nearest_with_room(distance, 50), distance.argmin(1))
    with pytest.raises(UserError, match="room for 50"):
        nearest_with_room(distance, 12)


def test_balanced_kmeans_finds_planted_groups_and_is_tighter_than_chance():
    x, group = planted()
    best = min((balanced_kmeans([x], 3, 1.2, 50, seed) for seed in range(4)),
               key=lambda shard: within(x, shard))
    assert all(len(best[group == each].unique()) == 1 for each in range(3))
    chance = torch.arange(90)[torch.randperm(90)] % 3
    far = nearest_with_room(-squared_distance(x, x[:3]), 36)  # the published slip: farthest first
    assert within(x, best) < 0.2 * within(x, chance)
    assert within(x, best) < 0.2 * within(x, far)


def test_transport_gives_every_shard_its_share():
    cost = torch.rand(300, 6, generator=torch.Generator().manual_seed(0)) + torch.arange(6)
    plan = sinkhorn(cost, blur=0.01, iterations=400)
    torch.testing.assert_close(plan.sum(0), torch.full((6,), 1 / 6))
    torch.testing.assert_close(plan.sum(1), torch.full((300,), 1 / 300), rtol=0.02, atol=0)
    assert plan.argmax(1).bincount(minlength=6).min() >= 45  # the nearest would all be the first
    assert (cost.argmin(1) == 0).float().mean() > 0.9


@pytest.mark.parametrize("kind", CLUSTERED + HASHED)
def test_every_pair_has_a_shard_and_none_is_overfull(kind):
    vectors, partition = known(), kind(shards=4)
    pairs = pairs_of(vectors)
    shard = partition.assign(pairs, lambda: vectors, seed=0)
    assert shard.shape == (400,)
    assert shard.bincount(minlength=4).max() <= 140  # 1.2 of the mean, and luck with the pairs
    assert torch.equal(shard, partition.assign(pairs, lambda: vectors, seed=0))
    if partition.by_user:
        assert all(len(shard[pairs[0] == user].unique()) == 1 for user in pairs[0].unique())


@pytest.mark.parametrize("kind", HASHED)
def test_hashes_ask_for_no_embeddings_and_nobody_moves_when_another_leaves(kind):
    pairs = pairs_of(known())
    kept = torch.rand(400, generator=torch.Generator().manual_seed(0)) > 0.3

    def refused() -> Vectors:
        raise AssertionError("a hash needs no embeddings")

    before = kind(shards=5).assign(pairs, refused, seed=0)
    assert torch.equal(before[kept], kind(shards=5).assign(pairs[:, kept], refused, seed=9))
    other = kind(shards=5, salt="another").assign(pairs, refused, seed=0)
    assert not torch.equal(before, other)


@pytest.mark.parametrize("kind", CLUSTERED)
def test_clusters_do_depend_on_who_else_is_there(kind):
    assert not kind.data_independent
    vectors = known()
    pairs = pairs_of(vectors)
    fewer = Vectors(vectors.users[1:], vectors.items[1:])
    kept = (pairs > 0).all(0)
    partition = kind(shards=4)
    before = partition.assign(pairs, lambda: vectors, seed=0)[kept]
    after = partition.assign(pairs[:, kept] - 1, lambda: fewer, seed=0)
    assert not torch.equal(before, after)


def test_ten_users_hit_most_of_ten_shards():
    shard = HashedUsers(shards=10).assign(torch.stack([torch.arange(5000)] * 2), known, 0)
    hit = [len(shard[at : at + 10].unique()) for at in range(0, 5000, 10)]
    assert abs(sum(hit) / len(hit) - expected_hits(10, 10)) < 0.15


@pytest.mark.parametrize("wrong", [{"shards": 0}, {"slack": 0.9}, {"rounds": 0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        SimilarUsers(**wrong)


def test_more_shards_than_users_are_refused():
    with pytest.raises(UserError, match="fewer shards"):
        SimilarUsers(shards=100).assign(pairs_of(known()), known, 0)
