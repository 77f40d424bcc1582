"""ERASE learns from wrong labels, by the published steps, and survives what breaks them."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Data

from graphforget import unlearn
from graphforget._lightning import pl
from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from graphforget.data import GraphDataModule, load_graph, split_nodes
from graphforget.learn.erase.epochs import Average
from graphforget.learn.erase.head import LogisticHead, RidgeHead, TrainedHead
from graphforget.learn.erase.learner import ERASE
from graphforget.learn.erase.module import ERASEModule
from graphforget.learn.erase.network import ERASENetwork, representations
from graphforget.learn.erase.objective import ERASEObjective
from graphforget.learn.erase.presets import PUBLISHED, PUBLISHED_LARGE
from graphforget.learn.erase.rank import RankMonitor, effective_rank
from graphforget.learn.rate.loss import coding_rate_loss
from graphforget.learn.semantic import SemanticLabels, hard_labels
from graphforget.learn.state import part
from graphforget.nn import GAT, GCN, GIN, GraphSAGE, NormalisedGAT
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from tests.conftest import ROOT

TASK = NodeClassification(3)
TINY = ERASE(
    encoder=NormalisedGAT(hidden=16, heads=2), width=16, labels=SemanticLabels(steps=2), epochs=30,
    learning_rate=0.01,
)


@pytest.fixture
def wrong_labels(tiny_graph) -> Data:
    """The tiny graph with 3 of 10 training labels of each class turned to the next class."""
    place = torch.arange(60) % 20
    tiny_graph.clean = tiny_graph.y.clone()
    tiny_graph.y = torch.where(place < 3, (tiny_graph.y + 1) % 3, tiny_graph.y)
    return tiny_graph


def accuracy(trained, data=None):
    return TASK.evaluate(trained.model, trained.data if data is None else data)["test_accuracy"]


def same(first, second):
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cross_entropy": 1.0, "head": TrainedHead()},
        {"warm_up": 5, "head": RidgeHead(every=3, all_nodes=True)},
        {"evaluation_labels": True},
        {"evaluation_labels": True, "average": 0.9},
        {"label_momentum": 0.9, "best": False},
        {"average": 0.95, "rank": None, "patience": 3},
        {"order": 2, "input_dropout": 0.0},
        {"batch_nodes": 30},
        {"batch_nodes": 30, "warm_up": 2, "average": 0.9},
        {"batch_nodes": 30, "two_pass": True},
        {"encoder": GCN(16)},
        {"encoder": GAT(16, layers=3)},
        {"encoder": GIN(16)},
        {"encoder": GraphSAGE(16)},
    ],
)
def test_every_way_learns_the_communities_behind_wrong_labels(wrong_labels, options):
    trained = replace(TINY, **options).fit(wrong_labels, TASK, seed=0)
    assert accuracy(trained) > 0.7
    assert not any(module.training for module in trained.model.modules())
    assert all(parameter.requires_grad for parameter in trained.model.parameters())
    again = replace(TINY, **options).fit(wrong_labels, TASK, seed=0)
    assert same(trained.model, again.model)
    assert not same(trained.model, replace(TINY, **options).fit(wrong_labels, TASK, seed=1).model)


def test_inputs_stay_and_so_does_the_global_generator(wrong_labels):
    before = copy.deepcopy(wrong_labels)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    TINY.fit(wrong_labels, TASK, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in wrong_labels.items())


def test_one_step_is_the_published_one(wrong_labels):
    learner = replace(PUBLISHED, width=16, encoder=NormalisedGAT(hidden=16, heads=2))
    model = learner.build(wrong_labels, TASK, seed=0).train()
    objective = learner.objective(wrong_labels, TASK, seed=0)
    torch.manual_seed(3)
    loss = objective(model, torch.Generator())
    torch.manual_seed(3)
    z = model.represent(wrong_labels.x, wrong_labels.edge_index)
    labels = learner.labels
    y0 = labels.structural(wrong_labels, 3)
    matrix = labels.operator.matrix(wrong_labels.edge_index, 60)
    semantic = hard_labels(labels(z, y0, matrix))
    assert torch.equal(objective.labels, semantic)
    train = wrong_labels.train_mask
    head = F.cross_entropy(model.classify(z.detach())[train], semantic[train])
    expected = coding_rate_loss(z, semantic, 3, 1.0, 2.0, 0.05) + head
    torch.testing.assert_close(loss, expected)
    loss.backward()
    slopes = [p.grad for p in model.encoder.parameters()]
    model.zero_grad()
    coding_rate_loss(z, semantic, 3, 1.0, 2.0, 0.05).backward()
    for slope, parameter in zip(slopes, model.encoder.parameters(), strict=True):
        torch.testing.assert_close(slope, parameter.grad)


def test_clean_labels_outside_training_are_not_read(wrong_labels):
    other = copy.copy(wrong_labels)
    other.y = torch.where(wrong_labels.train_mask | wrong_labels.val_mask, wrong_labels.y, 0)
    first, second = (TINY.fit(data, TASK, seed=0) for data in (wrong_labels, other))
    assert same(first.model, second.model)
    other.y = torch.where(wrong_labels.train_mask, wrong_labels.y, 0)
    last = replace(TINY, best=False)
    first, second = (last.fit(data, TASK, seed=0) for data in (wrong_labels, other))
    assert same(first.model, second.model)


def test_the_best_epoch_is_returned_and_the_last_is_kept(wrong_labels):
    learner = replace(TINY, snapshots=())
    best, last = (
        replace(learner, best=choose).fit(wrong_labels, TASK, seed=0) for choose in (True, False)
    )
    assert set(best.snapshots) == {30} and set(last.snapshots) == set()
    kept = part(best.snapshots[30], "model")
    assert all(torch.equal(kept[k], v) for k, v in last.model.state_dict().items())
    val = [TASK.evaluate(t.model, wrong_labels)["val_accuracy"] for t in (best, last)]
    assert val[0] >= val[1]


def test_patience_ends_training_early(wrong_labels):
    trained = replace(TINY, patience=2, epochs=200, snapshots=()).fit(wrong_labels, TASK, seed=0)
    (end,) = trained.snapshots
    assert end < 200


def test_without_validation_there_is_nothing_to_be_impatient_about(wrong_labels):
    learner = replace(TINY, patience=2, best=False, snapshots=(1.0,))
    assert set(learner.fit(wrong_labels, TASK, seed=0).snapshots) == {30}


@pytest.mark.parametrize("head", [LogisticHead(), RidgeHead()])
def test_a_training_that_runs_away_is_told_in_one_line(wrong_labels, head):
    with pytest.raises(UserError, match="learning rate"):
        replace(TINY, head=head, learning_rate=1e30, epochs=3).fit(wrong_labels, TASK, seed=0)


def test_the_average_follows_the_weights():
    model, averaged = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    average = Average(model, averaged, decay=0.5)
    for step in range(200):
        with torch.no_grad():
            model.weight.fill_(1.0)
        average.on_train_batch_end(None, None, None, None, step)
    assert float(averaged.weight.detach()) == pytest.approx(1.0)


@pytest.mark.parametrize("best", [True, False])
def test_an_averaged_model_has_the_state_to_go_on_with(wrong_labels, best):
    learner = replace(TINY, average=0.9, best=best)
    trained = learner.fit(wrong_labels, TASK, seed=0)
    wanted = {f"{name}.exp_avg_sq" for name, _ in trained.model.named_parameters()}
    assert wanted <= set(trained.optimizer)
    assert set(trained.snapshots) == ({15, 22, 27, 30} if best else {15, 22, 27})
    for taken in trained.snapshots.values():
        assert wanted <= set(part(taken, "optimizer"))
    after = unlearn.Resume()(trained, ForgetRequest("node", (0,)))
    assert accuracy(after) > 0.7


def test_the_average_takes_counts_as_they_are():
    model, averaged = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    model(torch.randn(5, 2))
    Average(model, averaged, decay=0.5).on_train_batch_end(None, None, None, None, 100)
    assert int(averaged.num_batches_tracked) == 1
    torch.testing.assert_close(averaged.running_mean, model.running_mean / 2)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda data: ForgetRequest("node", (0, 25)),
        lambda data: ForgetRequest("edge", (tuple(data.edge_index[:, 0].tolist()),)),
        lambda data: ForgetRequest("feature", (3,)),
        lambda data: ForgetRequest("class", (1,)),
    ],
)
@pytest.mark.parametrize(
    "method",
    [unlearn.Retrain(), unlearn.Resume(), unlearn.FineTune(), unlearn.Rewind(), unlearn.D2DGN(),
     unlearn.GNNDelete(steps=20), unlearn.SCRUB(), unlearn.NegGradPlus()],
)
def test_its_models_can_be_forgotten_from(wrong_labels, method, request_of):
    trained = replace(TINY, epochs=10).fit(wrong_labels, TASK, seed=0)
    request = request_of(wrong_labels)
    if method.supports(trained, request):
        pytest.skip(method.supports(trained, request))
    after = method(trained, request)
    output = after.model(after.data.x, after.data.edge_index)
    assert output.shape == (60, 3) and bool(torch.isfinite(output).all())


def test_training_goes_on_where_it_was(wrong_labels):
    trained = replace(TINY, best=False).fit(wrong_labels, TASK, seed=0)
    request = ForgetRequest("node", (0,))
    once = unlearn.Resume()(trained, request)
    twice = unlearn.Resume()(once, ForgetRequest("node", (1,)))
    assert accuracy(twice) > 0.7
    assert {f"{name}.exp_avg_sq" for name, _ in trained.model.named_parameters()} <= set(
        trained.optimizer
    )


def test_training_goes_on_from_a_state_of_plain_adam(wrong_labels):
    trained = replace(TINY, best=False, epochs=5).fit(wrong_labels, TASK, seed=0)
    plain = {k: v for k, v in trained.optimizer.items() if not k.endswith("max_exp_avg_sq")}
    after = unlearn.Resume()(replace(trained, optimizer=plain), ForgetRequest("node", (0,)))
    assert any(key.endswith("max_exp_avg_sq") for key in after.optimizer)


def test_a_run_is_written_and_read(wrong_labels, tmp_path):
    trained = replace(TINY, epochs=3).fit(wrong_labels, TASK, seed=0)
    trained.save(tmp_path / "run")
    loaded = Trained.load(tmp_path / "run")
    assert same(trained.model, loaded.model) and loaded.learner == trained.learner
    x, edges = wrong_labels.x, wrong_labels.edge_index
    assert torch.equal(trained.model(x, edges), loaded.model(x, edges))


@pytest.mark.parametrize("learner", [ERASE(), PUBLISHED, PUBLISHED_LARGE, TINY])
def test_settings_pickle_and_have_a_configuration(learner):
    assert pickle.loads(pickle.dumps(learner)) == learner
    assert from_config(to_config(learner)) == learner


# What crashes or misleads the reference (erase_graph.md 4)


def test_a_class_without_training_nodes(wrong_labels):
    wrong_labels.train_mask &= wrong_labels.y != 2
    trained = TINY.fit(wrong_labels, TASK, seed=0)
    answers = trained.model(wrong_labels.x, wrong_labels.edge_index).argmax(1)
    assert bool((answers != 2).all())


def test_labels_that_fall_to_one_class(wrong_labels, monkeypatch):
    monkeypatch.setattr(
        SemanticLabels, "__call__", lambda self, z, y0, matrix: torch.tensor([[1.0, 0, 0]] * 60)
    )
    trained = replace(TINY, epochs=3, rank=None).fit(wrong_labels, TASK, seed=0)
    answers = trained.model(wrong_labels.x, wrong_labels.edge_index)
    assert bool((answers.argmax(1) == 0).all()) and bool(torch.isfinite(answers).all())


def test_nodes_alone_and_nodes_without_features(wrong_labels):
    alone = torch.tensor([3, 15, 19])
    edges = wrong_labels.edge_index
    wrong_labels.edge_index = edges[:, ~torch.isin(edges, alone).any(0)]
    wrong_labels.x = wrong_labels.x.clone()
    wrong_labels.x[[3, 30]] = 0
    objective = TINY.objective(wrong_labels, TASK, 0)
    model = TINY.build(wrong_labels, TASK, 0).train()
    assert bool(torch.isfinite(objective(model, torch.Generator())))
    assert objective.labels[3] == -1 and bool((objective.labels[[15, 30]] >= 0).all())
    trained = TINY.fit(wrong_labels, TASK, seed=0)
    assert bool(torch.isfinite(trained.model(wrong_labels.x, wrong_labels.edge_index)).all())


def test_a_graph_without_edges(wrong_labels):
    wrong_labels.edge_index = wrong_labels.edge_index[:, :0]
    assert accuracy(TINY.fit(wrong_labels, TASK, seed=0)) > 0.5


def test_the_smallest_graph():
    data = Data(
        x=torch.eye(2), y=torch.tensor([0, 1]), edge_index=torch.tensor([[0, 1], [1, 0]]),
        train_mask=torch.tensor([True, True]),
    )
    trained = ERASE(epochs=3).fit(data, NodeClassification(2), seed=0)
    assert trained.model(data.x, data.edge_index).shape == (2, 2)


def test_many_layers(wrong_labels):
    learner = replace(TINY, encoder=NormalisedGAT(hidden=16, heads=2, layers=4))
    assert accuracy(learner.fit(wrong_labels, TASK, seed=0)) > 0.5


def test_all_nodes_labelled_takes_the_last_epoch(wrong_labels):
    wrong_labels.train_mask = torch.ones(60, dtype=torch.bool)
    wrong_labels.val_mask = torch.zeros(60, dtype=torch.bool)
    trained = replace(TINY, snapshots=()).fit(wrong_labels, TASK, seed=0)
    assert not trained.snapshots and accuracy(trained) > 0.7


def test_a_collapse_is_told(wrong_labels):
    learner = replace(TINY, rank=RankMonitor(every=1, floor=99.0, patience=3))
    with pytest.warns(UserWarning, match="collapsed"):
        trained = learner.fit(wrong_labels, TASK, seed=0)
    z = representations(trained.model, wrong_labels.x, wrong_labels.edge_index)
    assert effective_rank(z.detach()) > 1


@pytest.mark.parametrize("batch_nodes", [0, 30])
def test_double_precision_stays_double(wrong_labels, batch_nodes):
    wrong_labels.x = wrong_labels.x.double()
    trained = replace(TINY, batch_nodes=batch_nodes).fit(wrong_labels, TASK, seed=0)
    assert all(p.dtype == torch.float64 for p in trained.model.parameters())
    assert accuracy(trained) > 0.7


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update({"y": torch.full_like(d.y, -1)}), "label"),
        (lambda d: d.update({"y": d.y + 3}), "wanted"),
        (lambda d: d.update({"y": torch.zeros_like(d.y)}), "two classes"),
        (lambda d: d.update({"train_mask": torch.zeros_like(d.train_mask)}), "train_mask"),
        (lambda d: d.update({"x": torch.full_like(d.x, torch.nan)}), "finite"),
        (lambda d: d.update({"x": None}), "features"),
    ],
)
def test_bad_data_is_refused_before_training(wrong_labels, change, says):
    change(wrong_labels)
    with pytest.raises(UserError, match=says):
        TINY.fit(wrong_labels, TASK, seed=0)


def test_links_are_refused(tiny_links):
    with pytest.raises(UserError, match="ERASE"):
        TINY.fit(tiny_links, LinkPrediction(8), seed=0)
    with pytest.raises(UserError, match="ERASE"):
        TINY.objective(tiny_links, LinkPrediction(8), seed=0)


@pytest.mark.parametrize(
    "field",
    [
        {"width": 0}, {"input_dropout": 1.0}, {"order": 3}, {"cross_entropy": -1.0},
        {"warm_up": -1}, {"label_momentum": 1.0}, {"average": 1.0}, {"epochs": 0},
        {"patience": -1}, {"learning_rate": 0.0}, {"batch_nodes": -1}, {"snapshots": (2.0,)},
        {"two_pass": True}, {"two_pass": True, "batch_nodes": 9, "warm_up": 1},
    ],
)
def test_settings_out_of_range_are_refused(field):
    with pytest.raises(UserError, match="ERASE"):
        replace(TINY, **field)


# Batches, two passes, and a Trainer of one's own


def test_two_passes_meet_every_node_once_whatever_is_installed(wrong_labels, monkeypatch):
    monkeypatch.setattr("torch_geometric.typing.WITH_PYG_LIB", True)
    objective = replace(TINY, batch_nodes=20, two_pass=True).objective(wrong_labels, TASK, 0)
    seen = torch.cat([batch.n_id for batch in objective._batches])
    assert torch.equal(seen.sort().values, torch.arange(60))


def test_two_passes_are_the_whole_graph_where_batches_are(wrong_labels):
    learner = replace(TINY, input_dropout=0.0, batch_nodes=100, two_pass=True)
    whole = replace(learner, batch_nodes=0, two_pass=False, evaluation_labels=True)
    found = []
    for each in (learner, whole):
        model = each.build(wrong_labels, TASK, seed=0).train()
        loss = each.objective(wrong_labels, TASK, 0)(model, torch.Generator())
        loss.backward()
        found.append([loss.detach(), *(p.grad for p in model.parameters())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch_nodes", [0, 30])
def test_the_module_trains_in_a_trainer_of_the_users_own(wrong_labels, tmp_path, batch_nodes):
    learner = replace(TINY, batch_nodes=batch_nodes)
    module = ERASEModule(learner.build(wrong_labels, TASK, 0), wrong_labels, TASK, learner)
    own = pl.Trainer(
        max_epochs=30, accelerator="cpu", enable_progress_bar=False, default_root_dir=tmp_path
    )
    own.fit(module, datamodule=GraphDataModule(wrong_labels, batch_nodes))
    assert float(own.callback_metrics["val_accuracy"]) > 0.7
    assert float(own.callback_metrics["effective_rank"]) > 1
    trained = Trained.wrap(module.model, wrong_labels, TASK, learner)
    assert accuracy(trained) > 0.7


def test_validation_alone_leaves_a_module_as_it_was(wrong_labels, tmp_path):
    module = ERASEModule(TINY.build(wrong_labels, TASK, 0), wrong_labels, TASK, TINY)
    before = copy.deepcopy(module.model.state_dict())
    own = pl.Trainer(
        accelerator="cpu", enable_progress_bar=False, default_root_dir=tmp_path, logger=False
    )
    own.validate(module, datamodule=GraphDataModule(wrong_labels), verbose=False)
    assert all(torch.equal(value, before[k]) for k, value in module.model.state_dict().items())


def test_the_module_refuses_what_it_cannot_learn_from_or_does_not_do(wrong_labels):
    model = TINY.build(wrong_labels, TASK, 0)
    with pytest.raises(UserError, match="ERASEModule: two passes"):
        ERASEModule(model, wrong_labels, TASK, replace(TINY, batch_nodes=30, two_pass=True))
    wrong_labels.y = torch.zeros_like(wrong_labels.y)
    with pytest.raises(UserError, match="two classes"):
        ERASEModule(model, wrong_labels, TASK, TINY)
    with pytest.raises(UserError, match="LinkPrediction"):
        ERASEModule(model, wrong_labels, LinkPrediction(8), TINY)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("options", [{}, {"average": 0.9}, {"batch_nodes": 30, "two_pass": True}])
def test_on_a_graphics_processor_it_learns_too(wrong_labels, options):
    trained = replace(TINY, **options).fit(wrong_labels.to("cuda"), TASK, seed=0)
    assert all(p.is_cuda for p in trained.model.parameters()) and accuracy(trained) > 0.7


@pytest.mark.slow
def test_two_processes_of_a_trainer_share_one_coding_rate(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(_TWO_PROCESSES)
    again = [sys.executable, str(script)]
    done = subprocess.run(again, capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "said").read_text() == "True True"


_TWO_PROCESSES = """
import pathlib, sys, torch
sys.path.insert(0, "")
from graphforget._lightning import pl
from torch.utils.data import DataLoader
from graphforget.data import node_batches
from graphforget.data.datamodule import OneGraph, only
from graphforget.learn import ERASE, ERASEModule
from graphforget.nn import GCN
from graphforget.task import NodeClassification
from tests.conftest import planted_partition

if __name__ == "__main__":
    data = planted_partition()
    data.train_mask = torch.arange(60) % 2 == 0
    learner = ERASE(encoder=GCN(8), width=8, batch_nodes=30, learning_rate=0.01)
    task = NodeClassification(3)
    module = ERASEModule(learner.build(data, task, 0), data, task, learner)
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", devices=2, strategy="ddp", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    batches = list(node_batches(data, 30, seed=0))
    own = OneGraph(batches[trainer.global_rank])
    trainer.fit(module, DataLoader(own, batch_size=1, collate_fn=only))
    mine = torch.nn.utils.parameters_to_vector(module.model.encoder.parameters()).detach()
    least, most = mine.clone(), mine.clone()
    torch.distributed.all_reduce(least, torch.distributed.ReduceOp.MIN)
    torch.distributed.all_reduce(most, torch.distributed.ReduceOp.MAX)
    if trainer.global_rank == 0:
        said = f"{module.objective.distributed} {torch.equal(least, most)}"
        pathlib.Path(__file__).with_name("said").write_text(said)
    # Lightning leaves a gloo group standing, and a process that exits with one may abort.
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
"""


def test_an_encoder_of_the_users_own(wrong_labels):
    own = GCN(8).build(8, 12, seed=0)
    module = ERASEModule(ERASENetwork(own, 12, 3), wrong_labels, TASK, TINY)
    module.setup("fit")
    assert isinstance(module.objective, ERASEObjective)
    assert bool(torch.isfinite(module.objective(module.model, torch.Generator())))
    with pytest.raises(UserError, match="ERASENetwork"):
        module.objective(own, torch.Generator())


@pytest.mark.slow
def test_digits_are_learnt_from_labels_of_which_two_in_five_are_wrong():
    data = split_nodes(load_graph("digits"), seed=0)
    task = NodeClassification(10)
    generator = torch.Generator().manual_seed(0)
    flip = torch.rand(data.num_nodes, generator=generator) < 0.4
    data.y = torch.where(flip & ~data.test_mask, (data.y + 3) % 10, data.y)
    trained = ERASE(epochs=40).fit(data, task, seed=0)
    assert task.evaluate(trained.model, data)["test_accuracy"] > 0.9


