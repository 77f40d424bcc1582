"""Recommenders in shards: what is hit is trained again, what is exact is exact bit by bit."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import Refused, UserError
from graphforget.removal import keep_edges
from graphforget.request import ForgetRequest
from graphforget.unlearn import Retrain, Unlink
from recsys.interactions import Interactions
from recsys.learn.bpr import BPRMF
from recsys.learn.lightgcn import LightGCN
from recsys.task import Ranking
from recsys.unlearn import SISA, RecEraser, UltraRE
from recsys.unlearn.aggregate import Attention, MeanScore, TaughtScore
from recsys.unlearn.partition import (
    HashedInteractions,
    HashedUsers,
    SimilarInteractions,
    SimilarUsers,
    TransportedUsers,
)
from recsys.unlearn.sharded import hit_shards
from tests.recsys.planted import planted_log, scores_of

BASE = BPRMF(width=6, epochs=2, learning_rate=0.02, batch_size=256, snapshots=())
QUICK = Attention(hidden=4, epochs=1)
EXACT = [
    SISA(BASE, HashedUsers(3), MeanScore()),
    SISA(BASE, HashedInteractions(3), QUICK),
    SISA(BASE, HashedUsers(3), TaughtScore()),
    SISA(LightGCN(width=4, epochs=2, snapshots=()), HashedUsers(3), MeanScore()),
]
PUBLISHED = [
    RecEraser(BASE, SimilarUsers(3, rounds=5), QUICK),
    RecEraser(BASE, SimilarInteractions(3, rounds=5), QUICK),
    UltraRE(BASE, TransportedUsers(3, iterations=30, rounds=3), TaughtScore()),
]
REQUESTS = [ForgetRequest("user", (4,)), ForgetRequest("item", (9,))]


def same(one, other) -> bool:
    """Whether two models hold the same tensors, bit by bit."""
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(
        torch.equal(value, second[key]) for key, value in first.items()
    )


@pytest.fixture(scope="module")
def log():
    return planted_log()


@pytest.mark.parametrize("method", EXACT, ids=str)
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r.kind)
def test_a_deletion_is_bit_for_bit_a_training_without_the_pairs(method, request_, log):
    assert method.exact
    trained = method.fit(log, Ranking(), seed=0)
    after = method(trained, request_, seed=5)
    again = method.fit(request_.retained(log), Ranking(), seed=0)
    assert same(after.model, again.model)
    assert not same(after.model, trained.model)
    torch.testing.assert_close(scores_of(after), scores_of(again), rtol=0, atol=0)


def test_poisoned_pairs_leave_no_trace(log):
    """Other items in the place of those that a user took: another model, but none after."""
    method, pairs = EXACT[0], log.pairs
    his = pairs[0] == 4
    other = pairs.clone()
    other[1, his] = (pairs[1, his] + 1) % 40
    poisoned = Interactions.of(other, 60, 40)
    clean = Interactions.of(pairs, 60, 40)
    models = [method.fit(data, Ranking(), seed=0) for data in (clean, poisoned)]
    assert not same(models[0].model, models[1].model)
    after = [method(each, REQUESTS[0], seed=0) for each in models]
    assert same(after[0].model, after[1].model)


@pytest.mark.parametrize("method", PUBLISHED, ids=str)
def test_published_partitions_are_not_called_exact_and_do_differ(method, log):
    assert not method.exact
    trained = method.fit(log, Ranking(), seed=0)
    request = ForgetRequest("user", (4, 5, 6))
    after = method(trained, request, seed=0)
    fresh = Retrain()(trained, request, seed=0)
    assert not request.held_by(after.data)
    assert not same(after.model, fresh.model)  # other shards: they were made with the users
    assert same(fresh.model, method.fit(request.retained(log), Ranking(), seed=0).model)


def test_only_hit_shards_are_trained_again(log):
    method = EXACT[0]
    trained = method.fit(log, Ranking(), seed=0)
    hit = hit_shards(trained, REQUESTS[0])
    after = method(trained, REQUESTS[0], seed=0)
    assert len(hit) == 1
    changed = [at for at, (a, b) in enumerate(zip(trained.model.models, after.model.models,
                                                  strict=True)) if not same(a, b)]
    assert changed == hit
    assert hit_shards(trained, REQUESTS[1]) == [0, 1, 2]  # users of all shards took the item


def test_each_shard_sees_its_own_pairs_only(log):
    trained = EXACT[0].fit(log, Ranking(), seed=0)
    place = trained.model.shards_of(log.edge_index, 100)
    assert bool((place >= 0).all())
    _, taught = trained.model.shard_rows(log.x, log.edge_index)
    for shard in range(3):
        own = keep_edges(log, place == shard)
        assert set(taught[shard].nonzero().flatten().tolist()) == set(own.edge_index[0].tolist())
    assert bool((taught[:, :60].sum(0) == 1).all())
    gone = EXACT[0](trained, REQUESTS[0], seed=0).model
    assert bool((gone.shards_of(log.edge_index, 100)[log.edge_index[0] == 4] == -1).all())


def test_mean_and_taught_scores_are_what_their_names_say(log):
    trained = EXACT[0].fit(log, Ranking(), seed=0)
    rows, taught = trained.model.shard_rows(log.x, log.edge_index)
    each = rows[:, :60] @ rows[:, 60:].transpose(1, 2)
    mean = MeanScore().build(3, 7, 60, 0)(rows, taught)
    torch.testing.assert_close(mean[:60] @ mean[60:].t(), each.mean(0))
    own = TaughtScore().build(3, 7, 60, 0)(rows, taught)
    shown = taught[:, :60, None] & taught[:, None, 60:]
    torch.testing.assert_close(own[:60] @ own[60:].t(), (each * shown).sum(0) / 3)


def test_attention_learns_which_shard_knows():
    generator = torch.Generator().manual_seed(0)
    users, items = torch.randn(20, 4, generator=generator), torch.randn(30, 4, generator=generator)
    noise = torch.randn(50, 4, generator=generator)
    rows = torch.stack([torch.cat([users, items]), noise])
    taught = torch.ones(2, 50, dtype=torch.bool)
    scores = users @ items.t()
    best = scores.topk(5, dim=1).indices + 20
    pairs = torch.stack([torch.arange(20).repeat_interleave(5), best.flatten()])
    aggregator = Attention(hidden=8, epochs=60, learning_rate=0.02, batch_size=100)
    module = aggregator.build(2, 4, 20, seed=0)

    def order() -> float:
        with torch.no_grad():
            rows_ = module(rows, taught)
        found = (rows_[:20] @ rows_[20:].t()).topk(5, dim=1).indices + 20
        return float((found[:, :, None] == best[:, None]).any(-1).float().mean())

    before = order()
    aggregator.train(module, rows, taught, pairs, seed=0)
    assert order() > before + 0.1


def test_exact_shards_refuse_clusters():
    with pytest.raises(UserError, match="would not be exact"):
        SISA(BASE, SimilarUsers(3, rounds=5))


def test_models_of_another_kind_are_refused(log):
    plain = BASE.fit(log, Ranking(), seed=0)
    with pytest.raises(Refused, match="train it with SISA"):
        EXACT[0](plain, REQUESTS[0])
    with pytest.raises(UserError, match="one by one"):
        EXACT[0].objective(log, Ranking(), 0)


def test_what_an_inexact_method_left_behind_is_not_called_forgotten(log):
    request = ForgetRequest("user", [3])
    left = Unlink()(SISA(BPRMF(epochs=1, snapshots=())).fit(log, Ranking(), seed=0), request)
    with pytest.raises(Refused, match="Unlink was not exact"):
        left.learner(left, ForgetRequest("user", [4]))
