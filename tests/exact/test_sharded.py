"""Learners in shards: they forget as the plan says, bit for bit, alone and as the service does."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import Refused, UserError
from graphforget.exact import S3T, SISA, GraphEraser, SliceSubsets
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.memory import SlicesInMemory, hits_of
from graphforget.exact.sharded import train_missing
from graphforget.exact.stage_files import StageFiles
from graphforget.exact.train_shard import train_shard
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.run_folder import data_tensors
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import Resume, Retrain, Rewind, Unlink
from tests.conftest import planted_partition

TASK = NodeClassification(3)
QUICK = CrossEntropy(encoder=GCN(hidden=8), epochs=8, snapshots=())
CHAINS = S3T(shards=2, slices=3, orders=2, epochs=4, hidden=8, rank=4)
SUBSETS = SliceSubsets(shards=2, slices=3, cost=3.0, learner=QUICK)
LEARNERS = [CHAINS, SUBSETS, SISA(shards=2, slices=3, learner=QUICK)]


def graph():
    data, place = planted_partition(), torch.arange(60) % 20
    data.train_mask, data.val_mask = place < 10, (place >= 10) & (place < 14)
    data.test_mask = place >= 14
    return data


@pytest.fixture(scope="module")
def data():
    return graph()


@pytest.fixture(scope="module")
def fitted(data):
    return {type(learner): learner.fit(data, TASK, seed=3) for learner in LEARNERS}


def weights(trained: Trained) -> dict[str, torch.Tensor]:
    return trained.model.state_dict()


def same(first, second) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def edge_requests(data, model):
    """An edge within a slice, one between slices of a shard, and one between shards."""
    ends = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    shard, slice = model.shard[ends], model.slice[ends]
    inside = shard[0] == shard[1]
    for chosen in (inside & (slice[0] == slice[1]), inside & (slice[0] != slice[1]), ~inside):
        yield ForgetRequest("edge", ends[:, chosen][:, :1])


def requests(data, model):
    hub = int(torch.bincount(data.edge_index[0]).argmax())
    yield from (ForgetRequest("node", [node]) for node in (0, 15, hub))
    yield ForgetRequest("node", [3, 4, 44])
    yield ForgetRequest("feature", [7])
    yield from edge_requests(data, model)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)
def test_what_lives_and_what_is_repaired_is_what_training_without_the_data_gives(
    learner, data, fitted
):
    trained = fitted[type(learner)]
    for request in requests(data, trained.model):
        scratch = learner.fit(request.retained(data), TASK, seed=3)
        off = replace(learner, repair=False)(trained, request)
        live = weights(off)
        assert all(torch.equal(value, weights(scratch)[name]) for name, value in live.items())
        assert same(weights(learner.repaired(off)), weights(scratch))
        assert same(weights(replace(learner, repair=True)(trained, request)), weights(scratch))


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)
def test_exactly_the_stages_that_saw_it_die(learner, data, fitted):
    model = fitted[type(learner)].model
    for request in requests(data, model):
        after = replace(learner, repair=False)(fitted[type(learner)], request).model
        hits = hits_of(data, model.shard, model.slice, request)
        for shard in range(2):
            assert after.alive(shard) == model.plan.alive(hits.get(shard, ()))
            assert after.served(shard) == model.plan.served(hits.get(shard, ()))


def test_an_edge_between_shards_costs_no_stage_and_one_between_slices_spares_one_end(data, fitted):
    model = fitted[S3T].model
    within, between, across = edge_requests(data, model)
    assert hits_of(data, model.shard, model.slice, across) == {}
    ((_, (hit,)),) = hits_of(data, model.shard, model.slice, between).items()
    assert len(hit) == 2
    ((_, (hit,)),) = hits_of(data, model.shard, model.slice, within).items()
    assert len(hit) == 1


def test_rows_and_hits_are_those_of_the_slice_files(data, fitted, tmp_path):
    model = fitted[S3T].model
    source = GraphSource.write(tmp_path / "source", data, model.plan)
    memory = SlicesInMemory(data, model.placement)
    for shard in range(2):
        for slices in ((0,), (2, 1), (0, 1, 2)):
            first, second = source.rows(shard, slices), memory.rows(shard, slices)
            assert same(data_tensors(first), data_tensors(second))
    for request in requests(data, model):
        ours = hits_of(data, model.shard, model.slice, request)
        assert {shard: frozenset(hits) for shard, hits in ours.items()} == source.hits(request)


def test_a_service_trains_the_same_stages(data, fitted, tmp_path):
    model = fitted[S3T].model
    source = GraphSource.write(tmp_path / "source", data, model.plan)
    files = StageFiles(tmp_path / "stages")
    addresses = train_shard(model.plan, model.recipe, source, files, shard=1, seed=3)
    for path, address in addresses.items():
        assert same(files.load(1, address), model.state(1, path))


def test_a_node_that_an_edge_alone_shows_stays_when_that_edge_goes(data):
    """Otherwise a live stage would lose a row, although no stage that lives saw the edge."""
    bare = data.clone()
    bare.x[59], bare.y[59] = 0, -1
    bare.train_mask[59] = bare.val_mask[59] = bare.test_mask[59] = False
    model = CHAINS.build(bare, TASK, 0)
    others = (model.shard != model.shard[59]).nonzero().flatten()
    lone = int(others[0])
    kept = ~(bare.edge_index == 59).any(0)
    pair = torch.tensor([[59, lone], [lone, 59]])
    bare.edge_index = torch.cat([bare.edge_index[:, kept], pair], dim=1)
    trained = CHAINS.fit(bare, TASK, 0)
    after = CHAINS(trained, ForgetRequest("edge", [[59, lone]]))
    assert same(weights(after), weights(trained))
    train_missing(after.model, after.data, seed=0)
    stage, slice = after.model.placement.place(59)
    assert 59 in SlicesInMemory(after.data, after.model.placement).rows(stage, [slice]).n_id


def test_the_answer_is_the_mean_of_the_served_stages(data, fitted):
    trained = fitted[SliceSubsets]
    model = trained.model
    rows = data
    one_each = [
        model.recipe.respond(rows, [model.state(shard, path)])
        for shard in range(2) for path in model.served(shard)
    ]
    torch.testing.assert_close(trained.response(torch.arange(60)), torch.stack(one_each).mean(0))


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)
def test_gradients_reach_the_stages_that_answer_and_no_others(learner, fitted):
    """Audits relearn what was forgotten: they step along the gradients of the answers."""
    model = copy.deepcopy(fitted[type(learner)].model)
    data = fitted[type(learner)].data
    model(data.x, data.edge_index)[:, 0].sum().backward()
    asked = {(shard, one) for shard in range(2) for path in model.served(shard)
             for one in model.plan.lineage(path)}
    for shard in range(2):
        for path in model.alive(shard):
            reached = [p.grad is not None for p in model._weights(shard, path).parameters()]
            assert any(reached) == ((shard, path) in asked)


def test_several_averages_all_of_the_deepest(data):
    learner = replace(CHAINS, several=True)
    model = learner.fit(data, TASK, seed=3).model
    assert model.served(0) == model.plan.paths
    assert same(model.state_dict(), CHAINS.fit(data, TASK, seed=3).model.state_dict())


def test_a_dark_shard_is_skipped_and_all_dark_is_the_constant(data, fitted):
    trained = fitted[S3T]
    model = trained.model
    first = ForgetRequest("node", (model.shard == 0).nonzero().flatten())
    after = CHAINS(trained, first)
    assert after.model.served(0) == () and after.model.served(1) == model.served(1)
    dark = CHAINS(after, ForgetRequest("node", (model.shard == 1).nonzero().flatten()))
    torch.testing.assert_close(dark.response(torch.arange(60)), torch.full((60, 3), 1 / 3))
    assert len(dark.history) == 2


def test_deaths_add_up_over_runs_on_disk_until_they_are_repaired(data, fitted, tmp_path):
    CHAINS(fitted[S3T], ForgetRequest("node", [5])).save(tmp_path / "first")
    first = Trained.load(tmp_path / "first")
    second = CHAINS(first, ForgetRequest("node", [31]))
    second.save(tmp_path / "second")
    loaded = Trained.load(tmp_path / "second")
    assert same(weights(loaded), weights(second))
    scratch = CHAINS.fit(ForgetRequest("node", [5, 31]).retained(data), TASK, seed=3)
    assert same(weights(CHAINS.repaired(loaded)), weights(scratch))


def test_the_record_says_what_the_model_was_trained_with_not_what_the_call_said(fitted):
    after = S3T(shards=9, repair=True)(fitted[S3T], ForgetRequest("node", [5]))
    assert after.history[0].unlearner == replace(CHAINS, repair=True)


def test_forgetting_again_what_is_gone_costs_nothing(fitted):
    after = CHAINS(fitted[S3T], ForgetRequest("node", [5]))
    again = CHAINS(CHAINS.repaired(after), ForgetRequest("node", [5]))
    assert again.model.missing(0) == again.model.missing(1) == ()


def test_communities_stay_as_they_were_decided(data, tmp_path):
    eraser = GraphEraser(shards=3, learner=QUICK)
    trained = eraser.fit(data, TASK, seed=0)
    after = eraser(trained, ForgetRequest("node", [5]))
    hit = int(trained.model.shard[5])
    for shard in range(3):
        untouched = same(after.model.state(shard, (0,)), trained.model.state(shard, (0,)))
        assert untouched == (shard != hit)
    after.save(tmp_path / "run")
    stayed = torch.arange(60) != 5
    table = Trained.load(tmp_path / "run").model.shard
    assert torch.equal(table[stayed], trained.model.shard[stayed])
    assert not GraphEraser.exact and Retrain.exact


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: S3T(shards=0), "shards: wanted a whole number"),
        (lambda: S3T(slices=2, orders=3), "2 slices have 2 orders"),
        (lambda: S3T(epochs=0), "epochs"),
        (lambda: S3T(learning_rate=-1.0), "positive learning rate"),
        (lambda: SliceSubsets(cost=0.5), "cost: wanted at least 1"),
        (lambda: SliceSubsets(slices=30), "wanted 1 to 16"),
        (lambda: SISA(slices=0), "slices: wanted"),
        (lambda: GraphEraser(shards=0), "shards: wanted"),
        (lambda: S3T(shards=9, slices=9).fit(graph(), TASK, 0), "got 60 items for 9 x 9 slices"),
    ],
)
def test_what_cannot_work_is_refused(make, says):
    with pytest.raises(UserError, match=says):
        make()


def test_models_of_others_are_refused_with_the_reason(data, fitted):
    plain = QUICK.fit(data, TASK, 0)
    request = ForgetRequest("node", [0])
    with pytest.raises(Refused, match="was not trained in shards; train it with S3T"):
        S3T()(plain, request)
    with pytest.raises(Refused, match="was trained by S3T, which forgets by itself; use S3T"):
        SISA()(fitted[S3T], request)
    with pytest.raises(UserError, match="was not trained in shards"):
        S3T().repaired(plain)


@pytest.mark.parametrize("method", [Resume(), Rewind()])
def test_what_goes_on_with_a_training_names_the_method_that_shards_have(method, data, fitted):
    with pytest.raises(Refused, match="no one training to go on with; use S3T itself"):
        method(fitted[S3T], ForgetRequest("node", (3,)))


def test_what_an_inexact_method_left_is_not_called_forgotten(data, fitted):
    after = Unlink()(fitted[S3T], ForgetRequest("node", (3,)))
    with pytest.raises(Refused, match="an earlier Unlink was not exact"):
        S3T()(after, ForgetRequest("node", (5,)))
