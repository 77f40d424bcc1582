"""The best epoch is the best, the first of equals, and choosing it changes nothing else."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
import torch

from graphforget.audit.ensemble import fit_many
from graphforget.core.errors import UserError
from graphforget.learn import CrossEntropy
from graphforget.learn.best_epoch import BestEpoch, validation_score
from graphforget.learn.state import Snapshots, optimizer_state, part
from graphforget.learn.trainer import descend
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import Resume, Rewind

TASK = NodeClassification(3)
LEARNER = CrossEntropy(encoder=GCN(8, dropout=0.5), epochs=30, learning_rate=0.05)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.fixture
def noisy(tiny_graph):
    """Training labels mostly wrong, so that the best epoch is not the last."""
    tiny_graph.y = tiny_graph.y.clone()
    wrong = tiny_graph.train_mask & (torch.arange(60) % 5 < 3)
    tiny_graph.y[wrong] = (tiny_graph.y[wrong] + 1) % 3
    return tiny_graph


def every_epoch(learner, data, task=TASK, seed=0):
    """Weights, optimiser states and scores of a plain run after each epoch."""
    model = learner.build(data, task, seed)
    optimizer = learner.optimizer(model.parameters())
    steps = learner.steps(data)
    keep = Snapshots(model, optimizer, {n * steps: n for n in range(1, learner.epochs + 1)})
    objective = learner.objective(data, task, seed)
    descend(model, objective, optimizer, learner.epochs * steps, seed, callbacks=[keep])
    scores = {}
    for epoch, taken in keep.taken.items():
        model.load_state_dict(part(taken, "model"))
        found = task.evaluate(model, data)
        scores[epoch] = found.get("val_accuracy", found.get("val_auc"))
    return keep.taken, scores


@pytest.mark.parametrize("batch_nodes", [0, 30])
def test_the_first_of_the_best_epochs_is_returned_and_the_last_kept(noisy, batch_nodes):
    learner = replace(LEARNER, batch_nodes=batch_nodes, snapshots=(0.5,))
    taken, scores = every_epoch(learner, noisy)
    best = min(epoch for epoch in scores if scores[epoch] == max(scores.values()))
    assert best < 30 and scores[best] > scores[30]  # else the test would say nothing
    trained = replace(learner, best=True).fit(noisy, TASK, seed=0)
    assert same(trained.model.state_dict(), part(taken[best], "model"))
    assert same(trained.optimizer, part(taken[best], "optimizer"))
    assert not trained.model.training
    assert sorted(trained.snapshots) == [15, 30]
    assert all(same(trained.snapshots[epoch], taken[epoch]) for epoch in (15, 30))


def test_without_it_nothing_has_changed(noisy):
    taken, _ = every_epoch(LEARNER, noisy)
    trained = LEARNER.fit(noisy, TASK, seed=0)
    assert same(trained.model.state_dict(), part(taken[30], "model"))
    assert same(trained.optimizer, part(taken[30], "optimizer"))
    assert sorted(trained.snapshots) == [15, 22, 27]


def test_links_are_chosen_by_their_validation_auc(tiny_links):
    task, learner = LinkPrediction(4), replace(LEARNER, epochs=12, best=True)
    taken, scores = every_epoch(learner, tiny_links, task)
    best = min(epoch for epoch in scores if scores[epoch] == max(scores.values()))
    assert len(set(scores.values())) > 1
    trained = learner.fit(tiny_links, task, seed=0)
    assert same(trained.model.state_dict(), part(taken[best], "model"))


def test_test_items_have_no_say(noisy, tiny_links):
    model = GCN(8).build(8, 3, seed=0)
    before = validation_score(model, noisy, TASK)
    noisy.y = torch.where(noisy.test_mask, 2 - noisy.y, noisy.y)
    assert validation_score(model, noisy, TASK) == before
    before = validation_score(model, tiny_links, LinkPrediction(3))
    tiny_links.test_pos_edge_index = tiny_links.test_neg_edge_index
    assert validation_score(model, tiny_links, LinkPrediction(3)) == before


def test_test_items_are_not_even_seen(noisy, tiny_links, monkeypatch):
    for task, data in ((TASK, noisy), (LinkPrediction(3), tiny_links)):
        seen = []
        monkeypatch.setattr(
            type(task), "evaluate",
            lambda self, model, data, seen=seen: seen.append(self.test_items(data)) or {"val_x": 1},
        )
        validation_score(GCN(8).build(8, 3, seed=0), data, task)
        assert len(seen) == 1 and seen[0].numel() == 0 < task.test_items(data).numel()


def test_it_is_chosen_by_the_labels_as_they_are(noisy):
    model = GCN(8).build(8, 3, seed=0).eval()
    with torch.no_grad():
        noisy.y[noisy.val_mask] = model(noisy.x, noisy.edge_index).argmax(1)[noisy.val_mask]
    assert validation_score(model, noisy, TASK) == 1


def test_scoring_leaves_modes_generators_and_graph_alone(noisy):
    model = torch.nn.ModuleDict({"net": GCN(8, dropout=0.5).build(8, 3, 0), "off": GCN(4).build(
        8, 3, 0)})

    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = model

        def forward(self, x, edge_index):
            torch.rand(1)  # a model that draws whatever its mode
            assert not self.training
            return sum(part(x, edge_index) for part in self.parts.values())

    whole, before = Sum().train(), copy.copy(noisy).to_dict()
    whole.parts["off"].eval()
    torch.manual_seed(3)
    state = torch.get_rng_state()
    validation_score(whole, noisy, TASK)
    assert torch.equal(torch.get_rng_state(), state)
    assert whole.training and whole.parts["net"].training and not whole.parts["off"].training
    assert same(noisy.to_dict(), before)


def test_modes_come_back_after_a_failure(noisy):
    model = GCN(8).build(5, 3, seed=0).train()  # 5 features, the graph has 8
    with pytest.raises(RuntimeError):
        validation_score(model, noisy, TASK)
    assert model.training and all(module.training for module in model.modules())


def test_every_epoch_that_has_its_turn_is_scored(noisy, monkeypatch):
    seen = []
    monkeypatch.setattr(BestEpoch, "see", lambda self, epoch: seen.append(epoch))
    watch = BestEpoch(GCN(8).build(8, 3, seed=0), noisy, TASK, every=2, steps=3)
    for step in range(14):
        watch.on_train_batch_end(None, None, None, None, step)
    assert seen == [2, 4]


def test_with_batches_an_epoch_is_scored_when_all_its_batches_are_done(noisy, monkeypatch):
    seen = []
    monkeypatch.setattr(BestEpoch, "see", lambda self, epoch: seen.append(epoch))
    replace(LEARNER, epochs=3, batch_nodes=20, best=True).fit(noisy, TASK, seed=0)
    assert seen == [1, 2, 3]


def test_a_loop_of_ones_own_can_keep_and_restore(tiny_graph):
    model = GCN(8).build(8, 3, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    watch = BestEpoch(model, tiny_graph, TASK, optimizer=optimizer)
    watch.restore()  # nothing seen yet
    assert watch.epoch == 0 and watch.weights == {} == watch.optimizer
    descend(model, LEARNER.objective(tiny_graph, TASK, 0), optimizer, 10, seed=0)
    watch.see(1)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    watch.see(2)
    assert watch.epoch == 1 and watch.score > 1 / 3
    watch.restore()
    assert same(model.state_dict(), kept)
    assert watch.optimizer and same(watch.optimizer, optimizer_state(model, optimizer))


def test_nothing_to_choose_by_is_said_before_training(noisy, monkeypatch):
    monkeypatch.setattr("graphforget.learn.cross_entropy.descend", None)
    noisy.val_mask[:] = False
    with pytest.raises(UserError, match="best epoch: wanted validation items"):
        replace(LEARNER, best=True).fit(noisy, TASK, seed=0)
    with pytest.raises(UserError, match="best epoch: wanted validation items"):
        validation_score(GCN(8).build(8, 3, seed=0), noisy, TASK)
    with pytest.raises(UserError, match="learner best"):
        CrossEntropy(best="no")


def test_a_run_of_the_best_epoch_is_saved_loaded_and_forgotten_from(noisy, tmp_path):
    trained = replace(LEARNER, best=True).fit(noisy, TASK, seed=0)
    trained.save(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["learner"]["best"] is True
    again = Trained.load(tmp_path / "run")
    assert again.learner == trained.learner and sorted(again.snapshots) == [15, 22, 27, 30]
    assert same(again.optimizer, trained.optimizer)
    request = ForgetRequest("node", (0, 1))
    for unlearner in (Resume(share=0.1), Rewind(share=0.25)):
        after = unlearner(again, request, seed=0)
        assert not same(after.model.state_dict(), trained.model.state_dict())
    assert not after.snapshots


def test_many_at_once_are_as_single_ones(noisy):
    learner = replace(LEARNER, best=True)
    for seed, trained in enumerate(fit_many(learner, noisy, TASK, [0, 1])):
        single = learner.fit(noisy, TASK, seed)
        assert same(trained.model.state_dict(), single.model.state_dict())
