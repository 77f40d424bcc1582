"""Methods that go by gradients: something is there before, less after, and the rest stays."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import Refused, UserError
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from recsys.learn.bpr import BPRMF
from recsys.learn.lightgcn import LightGCN
from recsys.learn.neural_cf import NeuralCF
from recsys.task import Ranking, Rivals
from recsys.unlearn import SSD, BoundedAscent, Influence, ReverseBPR, SalUn
from recsys.unlearn.importance import squared_gradients
from recsys.unlearn.influence import curvature_of, pull_of, row_curvature
from recsys.unlearn.pairwise import (
    forgotten_pairs,
    fresh_rows,
    gradient,
    reverse_loss,
    summed_loss,
)
from recsys.unlearn.salun import salient
from tests.recsys.planted import planted_log

LEARNER = BPRMF(width=8, epochs=30, learning_rate=0.02, batch_size=128, snapshots=())
GRAPH = LightGCN(width=8, epochs=60, batch_size=512, snapshots=())
RIVALS = Rivals(planted_log())
METHODS = [
    BoundedAscent(learning_rate=0.005), Influence(damping=1.0),
    ReverseBPR(learning_rate=0.005, batches=8), SSD(batches=8), SalUn(steps=20, repair=5),
]


@pytest.fixture(scope="module")
def trained():
    return LEARNER.fit(planted_log(), Ranking(), seed=0)


@pytest.fixture(scope="module")
def request_(trained):
    """The strange pairs of some users: those that a model can only know by heart."""
    user, item = trained.data.pairs
    strange = (user % 4 != item % 4).nonzero().flatten()[:12]
    return ForgetRequest("interaction", trained.data.pairs[:, strange])


def loss_of(model, pairs, seed: int) -> torch.Tensor:
    """Summed loss of pairs of the planted log under a model that LEARNER trained."""
    there = Trained(model=model, data=planted_log(), task=Ranking(), learner=LEARNER)
    return summed_loss(there, model, there.data, pairs, seed, RIVALS)


def margin(trained, pairs, asked) -> float:
    """Mean BPR gap of pairs of nodes against all items that their users have not taken."""
    model, data, task = trained.model, asked.data, trained.task
    with torch.no_grad():
        output = model(data.x, data.edge_index)
    logits = task.read(output, pairs)
    return float((logits - task.yardstick(output, data, pairs, 0)).mean())


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_forgotten_pairs_fall_and_retained_ones_stay(method, trained, request_):
    before = copy.deepcopy(trained.model.state_dict())
    after = method(trained, request_, seed=1)
    gone = forgotten_pairs(trained, request_)
    kept = after.task.train_items(after.data)
    falls = margin(trained, gone, trained) - margin(after, gone, trained)
    stays = margin(trained, kept, trained) - margin(after, kept, trained)
    assert falls > 0.1
    assert abs(stays) < 0.8 * falls  # SSD takes much along, the others next to nothing
    assert all(torch.equal(value, before[key]) for key, value in trained.model.state_dict().items())
    again = method(trained, request_, seed=1)
    assert all(torch.equal(a, b) for a, b in
               zip(after.model.parameters(), again.model.parameters(), strict=True))
    assert not after.model.training
    assert not request_.held_by(after.data)
    assert pickle.loads(pickle.dumps(method)) == method


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_a_forgotten_user_has_a_row_that_was_never_trained(method, trained):
    after = method(trained, ForgetRequest("user", (3,)), seed=7)
    fresh = LEARNER.build(after.data, after.task, seed=7)
    assert torch.equal(after.model.rows[3], fresh.rows[3])
    assert not torch.equal(after.model.rows[3], trained.model.rows[3])
    item = method(trained, ForgetRequest("item", (5,)), seed=7)
    assert torch.equal(item.model.rows[65], fresh.rows[65])
    assert float(item.model.popularity[5].detach()) == 0.0


def test_ascent_stops_at_its_bound(trained, request_):
    pairs = forgotten_pairs(trained, request_)
    for steps in (20, 120):
        after = BoundedAscent(steps=steps, learning_rate=0.005)(trained, request_, seed=0)
        with torch.no_grad():
            loss = float(loss_of(after.model, pairs, 3)) / pairs.size(1)
        assert loss < 1.2


def test_the_fisher_penalty_holds_reverse_training_back(trained, request_):
    def moved(weight: float) -> float:
        method = ReverseBPR(weight=weight, steps=40, learning_rate=0.005, batches=8)
        after = method(trained, request_, seed=0)
        return float((after.model.rows - trained.model.rows).detach().norm())

    assert moved(1e5) < 0.7 * moved(0.0)


def test_weights_outside_the_mask_of_salun_do_not_move(trained, request_):
    after = SalUn(share=0.2, steps=5, repair=3)(trained, request_, seed=2)
    pairs = forgotten_pairs(trained, request_)
    slopes = gradient(loss_of(trained.model, pairs, 2), trained.model)
    mask = salient(slopes, 0.2)[0].bool()
    moved = after.model.rows != trained.model.rows
    assert not (moved & ~mask).any()
    assert (moved & mask).sum() > 0.9 * mask.sum()


def test_dampening_by_activity_leaves_rows_of_quiet_users(trained, request_):
    gone = forgotten_pairs(trained, request_)
    rows = gone[0].unique()

    def left(method: SSD) -> float:
        after = method(trained, request_, seed=0)
        return float((after.model.rows[rows].norm() / trained.model.rows[rows].norm()).detach())

    ours, published = (left(SSD(alpha=3.0, batches=32, by_activity=each)) for each in (True, False))
    assert published < ours < 1.0


def test_importance_counts_batches_that_touch_a_row(trained):
    pairs = trained.task.train_items(trained.data)
    few = pairs[:, :3]

    found = squared_gradients(
        trained.model, lambda some: loss_of(trained.model, some, 0), few, batches=3, seed=0
    )
    users = few[0]
    counted = found.touched[0][: trained.data.num_users, 0]
    assert float(counted.sum()) == 3.0
    assert counted[users.unique()].min() >= 1.0


def test_the_hessian_is_that_of_the_retained_loss(trained, request_):
    model = copy.deepcopy(trained.model).double()
    exact = replace(trained, model=model)
    product = curvature_of(exact, model, request_, seed=0)
    vector = [torch.ones_like(p) for p in model.parameters()]
    retained = request_.retained(trained.data)
    pairs = trained.task.train_items(retained)

    def slope_at(size: float) -> list[torch.Tensor]:
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for parameter, along in zip(moved.parameters(), vector, strict=True):
                parameter += size * along
        return gradient(summed_loss(exact, moved, retained, pairs, 2, Rivals(retained)), moved)

    ahead, behind = slope_at(1e-4), slope_at(-1e-4)
    for mine, plus, minus in zip(product(vector), ahead, behind, strict=True):
        torch.testing.assert_close(mine, (plus - minus) / 2e-4, rtol=1e-4, atol=1e-5)


def test_no_row_moves_out_of_reach(trained, request_):
    after = Influence(damping=1e-3, reach=0.1)(trained, request_, seed=0)
    change = (after.model.rows - trained.model.rows).detach().norm(dim=1)
    length = float(trained.model.rows.detach().norm(dim=1).mean())
    assert float(change.max()) <= 0.1 * length * 1.0001


def test_factors_have_no_spillover(trained, request_):
    pull = pull_of(trained, trained.model, request_, seed=0)
    pairs = forgotten_pairs(trained, request_)
    direct = gradient(loss_of(trained.model, pairs, 0), trained.model)
    torch.testing.assert_close(pull, direct, rtol=1e-4, atol=1e-5)


def test_averages_over_neighbours_spill_over(request_):
    """In LightGCN the slope of retained pairs changes, also where nothing was taken away."""
    graph = GRAPH.fit(planted_log(), Ranking(), seed=0)
    pairs = forgotten_pairs(graph, request_)
    direct = gradient(summed_loss(graph, graph.model, graph.data, pairs, 0, RIVALS), graph.model)
    spilled = [p - d for p, d in zip(pull_of(graph, graph.model, request_, 0), direct, strict=True)]
    assert float(spilled[0].norm()) > 0.05 * float(direct[0].norm())
    near = request_.affected(graph.data, 2)
    assert float(spilled[0][near].norm()) > 0


@pytest.mark.parametrize("method", [m for m in METHODS if not isinstance(m, SSD)], ids=str)
def test_they_run_on_averaged_embeddings_too(method, request_):
    graph = GRAPH.fit(planted_log(), Ranking(), seed=0)
    after = method(graph, request_, seed=0)
    gone = forgotten_pairs(graph, request_)
    assert margin(after, gone, graph) < margin(graph, gone, graph)


def test_the_preconditioner_knows_who_has_many_pairs(trained, request_):
    product = curvature_of(trained, trained.model, request_, seed=0)
    metric = row_curvature(product, list(trained.model.parameters()), 1.0, 0)[0][:, 0]
    degree = trained.data.edge_index[0].bincount(minlength=100)
    assert bool((metric >= 1).all())
    assert float(torch.corrcoef(torch.stack([metric, degree.float()]))[0, 1]) > 0.3


def test_reverse_loss_is_lower_where_pairs_lose(trained, request_):
    pairs = forgotten_pairs(trained, request_)
    data, against = trained.data, RIVALS(pairs, torch.Generator().manual_seed(0))
    worst = copy.deepcopy(trained.model)
    with torch.no_grad():
        worst.popularity[pairs[1].unique() - 60] -= 50.0
        losses = [float(reverse_loss(trained, model, data, pairs, against))
                  for model in (worst, trained.model)]
    assert losses[0] < losses[1]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_everything_cannot_be_forgotten(method, trained):
    with pytest.raises(Refused, match="nothing to learn from"):
        method(trained, ForgetRequest("user", tuple(range(60))))


def test_wrong_settings_are_refused():
    for wrong in (lambda: SSD(alpha=0), lambda: SalUn(share=2.0), lambda: Influence(reach=0),
                  lambda: BoundedAscent(bound=-1), lambda: ReverseBPR(weight=-1)):
        with pytest.raises(UserError, match="above 0|in \\(0, 1\\]|from 0"):
            wrong()


def test_ascent_pulls_at_learners_whose_own_loss_is_larger_than_the_bound() -> None:
    log = planted_log()
    before = NeuralCF(epochs=3, hidden=8).fit(log, Ranking(joint=8), seed=0)
    request = ForgetRequest("interaction", log.pairs[:, :4])
    after = BoundedAscent(bound=2.0)(before, request, seed=0)
    pairs = log.to_nodes(log.pairs[:, :4])
    assert margin(after, pairs, before) < margin(before, pairs, before)


def test_only_rows_of_who_is_forgotten_are_fresh_whatever_the_sizes() -> None:
    log = planted_log(users=40, items=40)  # as many users as items, and as hidden units
    before = NeuralCF(epochs=1, hidden=40).fit(log, Ranking(joint=40), seed=0)
    model = copy.deepcopy(before.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)
    fresh_rows(model, before, ForgetRequest("item", [3]), seed=0)
    assert not (model.rows[43] == 7).any() and model.popularity[3] == 0
    changed = {name: int((value != 7).sum()) for name, value in model.named_parameters()}
    assert {name: count for name, count in changed.items() if count} == {
        "rows": model.rows.size(1), "popularity": 1
    }
