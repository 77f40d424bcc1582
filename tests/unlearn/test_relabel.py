"""Wrong labels are forgotten, their nodes stay, and what they cost comes back."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from statistics import mean

import pytest
import torch
from torch import Tensor

from graphforget.audit import knowledge_recovery
from graphforget.core.errors import Refused, UserError
from graphforget.learn import ERASE, CrossEntropy
from graphforget.learn.state import made_since
from graphforget.nn import GCN, NormalisedGAT
from graphforget.request import ForgetRequest
from graphforget.run_folder import data_tensors
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import D2DGN, Unlink
from graphforget.unlearn.d2dgn import Fresh, Newton, NewtonThenAdam, Restored
from graphforget.unlearn.relabel import Relabel, relabelled
from tests.conftest import planted_partition

TASK = NodeClassification(3)
LEARNER = CrossEntropy(GCN(hidden=16), epochs=100)
SEEDS = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Misled:
    """A model that has learnt wrong labels, one that has not, and the request to forget them.

    Args:
        trained: learnt the labels as they are.
        clean: learnt the true ones.
        request: names the nodes whose labels are wrong.
    """

    trained: Trained
    clean: Trained
    request: ForgetRequest

    def recovery(self, repaired: Trained) -> float:
        """Knowledge recovery in test accuracy."""
        return knowledge_recovery(*map(accuracy, (self.trained, repaired, self.clean)))


def accuracy(trained: Trained) -> float:
    return TASK.evaluate(trained.model, trained.data)["test_accuracy"]


def misled_by(seed: int) -> Misled:
    """Three sparse communities of 40; 10 training nodes each, 4 of them labelled as the next.

    Every node has a feature of its own, so that a network can learn wrong labels by heart.
    """
    data, generator = planted_partition(size=40, seed=seed), torch.Generator().manual_seed(seed)
    one_way = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    one_way = one_way[:, torch.rand(one_way.size(1), generator=generator) < 0.3]
    data.edge_index = torch.cat([one_way, one_way.flip(0)], dim=1)
    data.x = data.x + torch.randn(data.x.shape, generator=generator)
    data.x = torch.cat([data.x, torch.eye(120)], dim=1)
    place = torch.arange(120) % 40
    data.train_mask, data.val_mask = place < 10, (place >= 10) & (place < 12)
    data.test_mask, data.clean = place >= 12, data.y
    wrong = (place < 4) | (place == 10)
    right = copy.copy(data)
    data.y = torch.where(wrong, (data.y + 1) % 3, data.y)
    request = ForgetRequest("node", wrong.nonzero().flatten())
    return Misled(LEARNER.fit(data, TASK, seed), LEARNER.fit(right, TASK, 100 + seed), request)


@pytest.fixture(scope="module")
def draws() -> list[Misled]:
    """Trained once: no unlearner changes what it is given."""
    return [misled_by(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def misled(draws) -> Misled:
    return draws[0]


def same(first: Trained, second: Trained) -> bool:
    pairs = zip(first.model.parameters(), second.model.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def trained_on(misled: Misled, y: Tensor) -> Trained:
    """The misled model on a graph with other labels."""
    data = copy.copy(misled.trained.data)
    data.y = y
    return replace(misled.trained, data=data)


def test_most_of_what_wrong_labels_cost_comes_back(draws):
    """More than where the labels, or the nodes, are only taken away; nodes alone change nothing."""
    lost = mean(accuracy(each.clean) - accuracy(each.trained) for each in draws)
    assert lost > 0.2, "the wrong labels did no harm, so there is nothing to show"

    def recovery(method):
        return mean(each.recovery(method(each.trained, each.request)) for each in draws)

    repaired = recovery(Relabel())
    assert repaired > 0.8
    assert repaired > recovery(Relabel(correct=False)) + 0.02
    assert repaired > recovery(D2DGN()) + 0.02
    assert recovery(Unlink()) < 0.5


def test_it_is_near_retraining_on_the_labels_it_left(draws):
    gaps = []
    for each in draws:
        after = Relabel()(each.trained, each.request)
        gaps.append(accuracy(LEARNER.fit(after.data, TASK, seed=7)) - accuracy(after))
    assert abs(mean(gaps)) < 0.05


def test_corrected_labels_are_mostly_right_and_only_theirs_change(misled):
    before, data = misled.trained.data, Relabel()(misled.trained, misled.request).data
    named = misled.request.nodes(before)
    rest = torch.ones(120, dtype=torch.bool).index_fill(0, named, False)
    for name, tensor in data_tensors(before).items():
        if name not in ("y", "train_mask", "val_mask"):
            assert torch.equal(data[name], tensor)
        elif name != "y":
            assert torch.equal(data[name][rest], tensor[rest])
    assert torch.equal(data.y[rest], before.y[rest])
    taught = named[data.y[named] >= 0]
    assert taught.numel() > named.numel() / 2
    assert float((data.y[taught] == data.clean[taught]).float().mean()) > 0.8
    assert bool(data.train_mask[taught].all())
    assert torch.equal(data.train_mask[named], data.y[named] >= 0)
    assert not data.val_mask[named].any(), "a validation node would be judged by its own model"


def test_without_correction_the_labels_are_gone(misled):
    after = Relabel(correct=False)(misled.trained, misled.request)
    named = misled.request.nodes(after.data)
    assert bool((after.data.y[named] == -1).all())
    assert not (after.data.train_mask | after.data.val_mask)[named].any()


def test_who_is_not_sure_enough_stays_without_a_label(misled):
    after = Relabel(minimum_confidence=1.0)(misled.trained, misled.request)
    named = misled.request.nodes(after.data)
    assert bool((after.data.y[named] == -1).all())
    assert same(after, Relabel(minimum_confidence=1.0)(misled.trained, misled.request, seed=0))
    everyone = Relabel(minimum_confidence=0.0)(misled.trained, misled.request).data
    train = named[misled.trained.data.train_mask[named]]
    assert bool((everyone.y[train] >= 0).all())


@pytest.mark.parametrize("kind", ["node", "feature"])
def test_what_the_bad_labels_say_makes_no_difference(misled, kind):
    """Poison: the labels named are turned round, or are all the same; the weights as they are."""
    request = ForgetRequest(kind, misled.request.index)
    named, y = request.nodes(misled.trained.data), misled.trained.data.y
    reference = Relabel()(misled.trained, request)
    for poison in ((y[named] + 1) % 3, torch.zeros_like(named)):
        other = trained_on(misled, y.index_copy(0, named, poison))
        after = Relabel()(other, request)
        assert same(after, reference)
        assert torch.equal(after.data.y, reference.data.y)
        assert after.optimizer.keys() == reference.optimizer.keys()
        assert all(torch.equal(v, reference.optimizer[k]) for k, v in after.optimizer.items())


def test_what_models_learnt_from_other_bad_labels_hardly_matters(draws):
    """Poison before training: here the weights differ, and the corrections mostly agree."""
    agreed = []
    for each in draws:
        before, other = each.trained.data, copy.copy(each.trained.data)
        train = each.request.nodes(before)[before.train_mask[each.request.nodes(before)]]
        other.y = before.y.index_copy(0, train, (before.clean[train] + 2) % 3)
        second = LEARNER.fit(other, TASK, each.trained.seed)
        method = Relabel(minimum_confidence=0.0)
        first, second = (method(run, each.request).data.y[train] for run in (each.trained, second))
        agreed.append(float((first == second).float().mean()))
    assert mean(agreed) > 0.8


def test_what_was_given_is_untouched_and_nothing_old_is_handed_on(misled):
    trained = replace(misled.trained, model=copy.deepcopy(misled.trained.model))
    weights = copy.deepcopy(trained.model.state_dict())
    state = {key: value.clone() for key, value in trained.optimizer.items()}
    data = {key: value.clone() for key, value in data_tensors(trained.data).items()}
    after = Relabel()(trained, misled.request)
    now = trained.model.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in now.items())
    assert all(torch.equal(value, state[key]) for key, value in trained.optimizer.items())
    assert all(torch.equal(value, trained.data[key]) for key, value in data.items())
    assert not after.snapshots and trained.snapshots
    (step,) = after.history
    assert step.unlearner == Relabel() and step.digest == misled.request.digest
    assert {float(v) for k, v in after.optimizer.items() if k.endswith(".step")} == {40.0}
    assert not any(bool(v.any()) for k, v in after.optimizer.items() if k.endswith(".exp_avg"))


def test_a_state_is_what_a_new_optimizer_would_have_gathered():
    generator = torch.Generator().manual_seed(0)
    weights = [torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2)]
    old, new = (torch.optim.Adam([weight]) for weight in weights)

    def state(optimizer, weight):
        return {f"w.{k}": v.detach().clone() for k, v in optimizer.state[weight].items()}

    for step in range(12):
        gradient = torch.randn(3, generator=generator, dtype=torch.float64)
        for optimizer, weight in zip((old, new), weights, strict=True):
            if step == 7 and optimizer is old:
                before = state(old, weight)
            if step >= 7 or optimizer is old:
                weight.grad = gradient
                optimizer.step()
    found, wanted = made_since(before, state(old, weights[0]), 0.999), state(new, weights[1])
    torch.testing.assert_close(found["w.exp_avg_sq"], wanted["w.exp_avg_sq"])
    assert float(found["w.step"]) == float(wanted["w.step"]) == 5
    assert made_since({}, {"w.momentum_buffer": torch.ones(2)}, 0.999) == {}


def test_the_run_can_be_saved_and_go_on(misled, tmp_path):
    after = Relabel()(misled.trained, misled.request)
    after.save(tmp_path / "run")
    loaded = Trained.load(tmp_path / "run")
    assert same(loaded, after) and loaded.history == after.history
    assert accuracy(D2DGN()(loaded, ForgetRequest("node", (5, 46, 87)))) > accuracy(after) - 0.05
    assert accuracy(Relabel()(loaded, ForgetRequest("node", (5, 46)))) > accuracy(after) - 0.05


@pytest.mark.parametrize("solver", [Newton(), Restored(), Fresh(steps=30), NewtonThenAdam(10)])
def test_other_solvers(misled, solver):
    assert misled.recovery(Relabel(solver=solver)(misled.trained, misled.request)) > 0.1


def test_batches(misled):
    learner = CrossEntropy(GCN(hidden=16), epochs=100, batch_nodes=60)
    trained = replace(misled.trained, learner=learner)
    assert misled.recovery(Relabel()(trained, misled.request)) > 0.3
    with pytest.raises(Refused, match="trains on batches; pass a NewtonThenAdam"):
        Relabel(solver=Newton())(trained, misled.request)


def test_a_model_of_erase(misled):
    learner = ERASE(
        encoder=NormalisedGAT(hidden=16, heads=2), width=16, epochs=20, learning_rate=0.01
    )
    trained = learner.fit(misled.trained.data, TASK, seed=0)
    after = Relabel()(trained, misled.request)
    assert accuracy(after) > accuracy(trained) - 0.03
    assert any(key.endswith("max_exp_avg_sq") for key in after.optimizer)


def test_it_refuses_with_a_reason(misled, tiny_links):
    run, request = misled.trained, misled.request

    def reason(trained, asked):
        with pytest.raises(Refused) as refused:
            Relabel()(trained, asked)
        return str(refused.value)

    assert "1 of the 2 nodes named, the first is 30, have no label" in reason(
        run, ForgetRequest("node", (request.index[0], 30))
    )
    bare = copy.copy(run.data)
    bare.y = run.data.y.index_fill(0, torch.tensor([5]), -1)
    assert "have no label in training" in reason(
        replace(run, data=bare), ForgetRequest("node", (5,))
    )
    every = ForgetRequest("node", run.data.train_mask.nonzero().flatten())
    assert "no training label is left" in reason(run, every)
    edges = ForgetRequest("edge", run.data.edge_index[:, :2])
    assert "wanted a node or feature request" in reason(run, edges)
    assert "without its learner" in reason(replace(run, learner=None), request)
    assert "optimiser state" in reason(replace(run, optimizer={}), request)
    links = CrossEntropy(GCN(8), 5)
    of_links = links.fit(tiny_links, LinkPrediction(8), 0)
    assert "only models that classify nodes" in reason(of_links, ForgetRequest("node", (0,)))
    with pytest.raises(UserError, match="minimum_confidence: wanted a share"):
        Relabel(minimum_confidence=1.5)


def test_relabelled_takes_the_labels_of_the_rest(misled):
    after = Relabel(correct=False)(misled.trained, misled.request)
    named = misled.request.nodes(after.data)
    data = relabelled(after, named, minimum_confidence=0.5)
    sure = data.y[named] >= 0
    assert bool(sure.any())
    assert float((data.y[named][sure] == after.data.clean[named][sure]).float().mean()) > 0.9
    assert not (after.data.y[named] >= 0).any()
