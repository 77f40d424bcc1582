"""D2DGN moves towards retraining, and its parts are what their formulas say."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.utils import degree

from graphforget.core.errors import Refused, UserError
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import Resume, Retrain, Unlink
from graphforget.unlearn.d2dgn import (
    D2DGN,
    LABEL_FREE,
    PUBLISHED,
    Calibrated,
    ClassRemoved,
    Combined,
    Feature,
    Fresh,
    HeldOut,
    Newton,
    NewtonThenAdam,
    NonEdge,
    Restored,
    Untrained,
    Withdrawal,
)
from graphforget.unlearn.d2dgn.conjugate import conjugate_gradients
from graphforget.unlearn.d2dgn.held_out import common_neighbors
from graphforget.unlearn.d2dgn.problem import lessons
from graphforget.unlearn.d2dgn.questions import Inputs
from graphforget.unlearn.d2dgn.solver import weight_decay

TASK = NodeClassification(3)
LEARNER = CrossEntropy(encoder=GCN(16, dropout=0.0), epochs=200, weight_decay=5e-3)
REQUEST = ForgetRequest("node", [0, 3, 25, 47])


@pytest.fixture
def noisy(tiny_graph):
    """The planted graph with four wrong labels: what a model can only know by heart."""
    tiny_graph.y = tiny_graph.y.clone()
    tiny_graph.y[list(REQUEST.index)] = (tiny_graph.y[list(REQUEST.index)] + 1) % 3
    return tiny_graph


def distance(first: Trained, second: Trained, graph, items) -> float:
    """Total variation of the answers."""
    answers = [TASK.response(each.model, graph, items) for each in (first, second)]
    return float((answers[0] - answers[1]).abs().sum(-1).mean() / 2)


@pytest.mark.parametrize(
    "method",
    [
        D2DGN(),
        LABEL_FREE,
        D2DGN(solver=Restored()),
        D2DGN(answers=0.0, objective=1.0, solver=Restored()),
        D2DGN(answers=0.2, objective=1.0, solver=Restored()),
    ],
    ids=["default", "label-free", "restored", "objective", "both"],
)
def test_it_is_closer_to_retraining_than_unlinking(noisy, method):
    trained = LEARNER.fit(noisy, TASK, 0)
    oracles = [Retrain()(trained, REQUEST, seed) for seed in (1, 2, 3)]
    probe, items = REQUEST.probe(noisy), torch.tensor(REQUEST.index)

    def away(result: Trained) -> float:
        return sum(distance(result, oracle, probe, items) for oracle in oracles) / 3

    assert away(method(trained, REQUEST)) < 0.7 * away(Unlink()(trained, REQUEST))


def test_without_labels_of_the_rest_it_takes_the_steps_that_resuming_takes(noisy):
    """The preserver's divergence and the withdrawal add up to the training objective's slope."""
    trained = replace(LEARNER, epochs=2000, weight_decay=0.02).fit(noisy, TASK, 0)
    local = Withdrawal().tilt(trained, REQUEST, None, Inputs(trained), 0)
    slope = gradient(local, trained.model)
    objective = LEARNER.objective(REQUEST.retained(noisy), TASK, 0)
    decay = weight_decay(trained)
    wanted = [
        g + decay * p.detach()
        for g, p in zip(gradient(objective, trained.model), trained.model.parameters(), strict=True)
    ]
    slope, wanted = (torch.cat([g.flatten() for g in each]) for each in (slope, wanted))
    assert torch.cosine_similarity(slope, wanted, dim=0) > 0.99
    assert 0.9 < slope.norm() / wanted.norm() < 1.1


def gradient(objective, model):
    model = copy.deepcopy(model)
    loss = objective(model, torch.Generator())
    return torch.autograd.grad(loss, list(model.parameters()))


def test_a_request_that_changes_nothing_leaves_the_model_where_it_was(tiny_graph):
    """Nodes that were never examples and have no edge: there is nothing to withdraw."""
    lonely = torch.tensor([14, 15])  # test nodes
    tiny_graph = ForgetRequest("node", lonely).retained(tiny_graph)
    tiny_graph.y[lonely] = 0
    trained = LEARNER.fit(tiny_graph, TASK, 0)
    for method, most in ((D2DGN(withdrawal=Withdrawal(own=1.0)), 1e-4), (D2DGN(), 5e-3)):
        result = method(trained, ForgetRequest("node", lonely))
        assert distance(trained, result, tiny_graph, torch.arange(60)) < most


def test_the_published_preset_teaches_ignorance(tiny_graph):
    trained = LEARNER.fit(tiny_graph, TASK, 0)
    assert PUBLISHED.alpha == 0.5 and isinstance(PUBLISHED.destroyer, Untrained)
    probe, items = REQUEST.probe(tiny_graph), torch.tensor(REQUEST.index)
    before = TASK.response(trained.model, probe, items).amax(-1).mean()
    result = replace(PUBLISHED, solver=Fresh(200, 0.01))(trained, REQUEST)
    after = TASK.response(result.model, probe, items).amax(-1).mean()
    oracle = Retrain()(trained, REQUEST, 1)
    retrained = TASK.response(oracle.model, probe, items).amax(-1).mean()
    assert after < retrained < before


def test_a_removed_class_is_not_answered_and_the_others_keep_their_ratios(tiny_graph):
    trained = LEARNER.fit(tiny_graph, TASK, 0)
    items = torch.tensor([0, 1, 2])
    target = ClassRemoved().target(trained, tiny_graph, items, 0).softmax(-1)
    before = trained.response(items)
    assert (target[:, 0] < 1e-6).all()
    torch.testing.assert_close(target[:, 1] / target[:, 2], before[:, 1] / before[:, 2])


@pytest.mark.parametrize("matching", [Feature(), Combined()])
@pytest.mark.parametrize("destroyer", [Untrained(), NonEdge()])
def test_layers_of_a_destroyer_are_matched(tiny_graph, tiny_links, matching, destroyer):
    for data, task, request in (
        (tiny_graph, TASK, REQUEST),
        (tiny_links, LinkPrediction(4), ForgetRequest("edge", tiny_links.edge_index[:, :4])),
    ):
        trained = LEARNER.fit(data, task, 0)
        method = D2DGN(destroyer, None, alpha=0.0, matching=matching, solver=Fresh(300, 0.01))
        items = task.forgotten_items(request, data).unique()
        graph = request.probe(data)
        network = destroyer.network(trained, graph, 0)
        taught = task.embeddings(network, graph)[0][items]
        before, after = (
            task.embeddings(model, graph)[0][items]
            for model in (trained.model, method(trained, request, 0).model)
        )
        assert (after - taught).norm() < 0.5 * (before - taught).norm()


def test_links_move_towards_what_a_model_says_of_unseen_edges(tiny_links):
    task = LinkPrediction(8)
    learner = CrossEntropy(GCN(16, dropout=0.0), 300, 0.01, 0.0)
    trained = learner.fit(tiny_links, task, 0)
    request = ForgetRequest("edge", task.train_items(tiny_links)[:, ::12])
    retained = request.retained(tiny_links)
    gone = task.forgotten_items(request, tiny_links)
    result = D2DGN(alpha=0.5, solver=Restored(0.1))(trained, request)
    target = HeldOut().target(trained, retained, gone, 0)
    before, after = (
        task.divergence(target, task.logits(model, retained, gone)).mean()
        for model in (trained.model, result.model)
    )
    assert after < 0.7 * before


def test_a_crowded_end_leaves_less_of_the_held_out_gap(tiny_links):
    task = LinkPrediction(8)
    trained = CrossEntropy(GCN(16, dropout=0.0), 300, 0.01, 0.0).fit(tiny_links, task, 0)
    gone = task.train_items(tiny_links)[:, ::12]
    retained = ForgetRequest("edge", gone).retained(tiny_links)
    said = task.logits(trained.model, retained, gone)
    whole, part = (
        HeldOut(crowd=crowd).target(trained, retained, gone, 0) - said
        for crowd in (math.inf, 4.0)
    )
    left = part / whole
    degrees = degree(retained.edge_index[0], 60)[gone].prod(0).sqrt()
    assert torch.equal(left.argsort(descending=True)[:1], degrees.argsort()[:1])
    torch.testing.assert_close(left, 1 / (1 + degrees / 4))
    with pytest.raises(UserError, match="crowd"):
        HeldOut(crowd=0)


def test_a_calibrated_target_is_the_unlinked_answer_less_the_gap(tiny_links):
    task = LinkPrediction(8)
    learner = CrossEntropy(GCN(16, dropout=0.0), 300, 0.01, 0.0)
    trained = learner.fit(tiny_links, task, 0)
    gone = task.train_items(tiny_links)[:, :5]
    request = ForgetRequest("edge", gone)
    retained = request.retained(tiny_links)
    target = Calibrated().target(trained, retained, gone, 0)
    gap = task.logits(trained.model, retained, gone) - target
    torch.testing.assert_close(gap, gap[:1].expand_as(gap))
    assert gap[0] > 0  # edges that were seen score above those that were not


def test_common_neighbours_are_counted(tiny_links):
    pairs = tiny_links.edge_index[:, :20]
    dense = torch.zeros(60, 60)
    dense[tiny_links.edge_index[0], tiny_links.edge_index[1]] = 1
    wanted = (dense[pairs[0]] * dense[pairs[1]]).sum(-1)
    assert torch.equal(common_neighbors(tiny_links, pairs), wanted)


def test_conjugate_gradients_solve_a_random_system_and_stop_at_negative_curvature():
    root = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    matrix = root @ root.T + torch.eye(6)
    right = [torch.arange(4.0), torch.ones(2)]

    def product(vector):
        return list((matrix @ torch.cat(vector)).split([4, 2]))

    solved = conjugate_gradients(product, right, [torch.ones(4), torch.ones(2)], 12)
    torch.testing.assert_close(
        matrix @ torch.cat(solved), torch.cat(right), rtol=1e-3, atol=1e-3
    )
    ones = [torch.ones_like(part) for part in right]
    stuck = conjugate_gradients(lambda v: [-x for x in v], right, ones, 5)
    assert all((part == 0).all() for part in stuck)


@pytest.mark.parametrize("sparse", [False, True])
def test_newton_takes_the_step_of_the_gauss_newton_matrix(tiny_graph, sparse):
    """Against the matrix in full: J from autograd, H from the softmax, solved densely."""
    if sparse:
        tiny_graph.x = torch.eye(60)[:, :20] * tiny_graph.x.norm(dim=1, keepdim=True)
    learner = replace(LEARNER, encoder=GCN(2, dropout=0.0), weight_decay=0.01)
    trained = learner.fit(tiny_graph, TASK, 0)
    problem = D2DGN().problem(trained, ForgetRequest("node", [0]), 0)
    student = copy.deepcopy(trained.model)
    here = [p.detach().clone() for p in student.parameters()]
    _, slope, product = Newton()._surface(student, problem, here, 0)
    asked = problem.distillation[1].questions
    assert (asked.graph.x.layout is torch.sparse_csr) == sparse
    said = problem.distillation[1].ask(student)[0].logits
    rows = [torch.autograd.grad(s, list(student.parameters()), retain_graph=True)
            for s in said.flatten()]
    jacobian = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])
    p = said.detach().softmax(-1)
    inner = torch.block_diag(*[torch.diag(q) - torch.outer(q, q) for q in p]) / len(p)
    matrix = jacobian.T @ inner @ jacobian + 0.01 * torch.eye(jacobian.size(1))
    vector = torch.randn(jacobian.size(1), generator=torch.Generator().manual_seed(0))
    parts = vector.split([h.numel() for h in here])
    split = [v.view_as(h) for v, h in zip(parts, here, strict=True)]
    found = torch.cat([v.flatten() for v in product(split)])
    assert (found - matrix @ vector).norm() < 0.02 * (matrix @ vector).norm()
    right = torch.cat([g.flatten() for g in slope])
    ones = [torch.ones_like(g) for g in slope]
    step = conjugate_gradients(product, [-g for g in slope], ones, 60)
    step = torch.cat([g.flatten() for g in step])
    wanted = torch.linalg.solve(matrix, -right)
    assert (step - wanted).norm() < 0.05 * wanted.norm()


def slope_of(objective, model) -> list[torch.Tensor]:
    """The objective's gradient at the model's weights."""
    loss = objective(model, torch.Generator().manual_seed(0))
    return list(torch.autograd.grad(loss, list(model.parameters())))


@pytest.mark.parametrize("own", [0.0, 0.5, 1.0])
def test_a_share_of_the_original_s_own_slope_is_taken_off(noisy, own):
    trained = LEARNER.fit(noisy, TASK, 0)
    problem = D2DGN(withdrawal=Withdrawal(own=own)).problem(trained, REQUEST, 0)
    full, left = (
        slope_of(LEARNER.objective(graph, TASK, 0), trained.model)
        for graph in (noisy, REQUEST.retained(noisy))
    )
    decay = weight_decay(trained)
    for found, before, after, weight in zip(
        slope_of(problem, trained.model), full, left, trained.model.parameters(), strict=True
    ):
        wanted = after + decay * weight - own * (before + decay * weight)
        torch.testing.assert_close(found, wanted.detach(), rtol=1e-4, atol=1e-6)


def test_without_products_and_with_no_slope_taken_off_it_resumes(noisy):
    trained = LEARNER.fit(noisy, TASK, 0)
    still = {
        key: torch.zeros_like(value) if key.endswith(".exp_avg") else value
        for key, value in trained.optimizer.items()
    }
    method = D2DGN(withdrawal=Withdrawal(own=0.0), solver=NewtonThenAdam(10, products=0))
    ours = method(trained, REQUEST)
    theirs = Resume(share=0.05)(replace(trained, optimizer=still), REQUEST)
    for found, wanted in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert ours.optimizer.keys() == theirs.optimizer.keys()


def test_where_teachers_stand_in_it_is_one_step_of_newton(noisy):
    trained = LEARNER.fit(noisy, TASK, 0)
    withdrawal = Withdrawal(labels=False)
    found, wanted = (
        D2DGN(withdrawal=withdrawal, solver=solver)(trained, REQUEST)
        for solver in (NewtonThenAdam(24, products=4), Newton(20))
    )
    for ours, theirs in zip(found.model.parameters(), wanted.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: D2DGN(alpha=1.5),
        lambda: D2DGN(answers=0.0, objective=0.0),
        lambda: D2DGN(answers=-1.0),
        lambda: D2DGN(matching=Feature()),
        lambda: Fresh(0),
        lambda: Restored(0.0),
        lambda: Newton(0),
        lambda: NewtonThenAdam(0),
        lambda: NewtonThenAdam(products=-1),
        lambda: D2DGN(objective=1.0, solver=NewtonThenAdam()),
        lambda: Withdrawal(own=1.5),
        lambda: D2DGN(objective=1.0),
        lambda: Withdrawal(temperature=0.0),
    ],
)
def test_settings_out_of_range_are_refused_at_birth(wrong):
    with pytest.raises(UserError):
        wrong()


def test_it_refuses_before_it_works(tiny_graph, tiny_links):
    trained = LEARNER.fit(tiny_graph, TASK, 0)
    with pytest.raises(Refused, match="no training example"):
        D2DGN()(trained, ForgetRequest("class", [0, 1, 2]))
    with pytest.raises(Refused, match="validation links"):
        D2DGN(destroyer=Calibrated())(trained, REQUEST)
    with pytest.raises(Refused, match="class"):
        D2DGN(destroyer=ClassRemoved())(trained, REQUEST)
    linked = LEARNER.fit(tiny_links, LinkPrediction(4), 0)
    held_out = ForgetRequest("edge", tiny_links.val_pos_edge_index[:, 5:])
    with pytest.raises(Refused, match="fewer than 10"):
        D2DGN()(linked, held_out)
    with pytest.raises(Refused, match="optimiser state"):
        D2DGN()(replace(trained, optimizer={}), REQUEST)


class Headed(nn.Module):
    """A network whose answer is not what its last message-passing layer says."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = GCN(8).build(8, 5, 0), nn.Linear(5, 3)

    def forward(self, x, edge_index):
        return self.head(self.body(x, edge_index))


def test_the_answer_of_a_network_with_a_head_is_that_of_its_head(tiny_graph):
    model, items = Headed().eval(), torch.arange(60)
    (lesson,) = lessons(TASK, model, tiny_graph, [items], layers=True)
    assert torch.equal(lesson.logits, model(tiny_graph.x, tiny_graph.edge_index))
    assert lesson.layers is not None and lesson.layers[-1].size(1) == 5
    assert not model._forward_hooks


@dataclass(frozen=True)
class Momentum(CrossEntropy):
    """A learner whose optimiser has no second moment."""

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def test_newton_refuses_a_state_without_second_moments(tiny_graph):
    trained = Momentum(GCN(8), epochs=5).fit(tiny_graph, TASK, 0)
    with pytest.raises(Refused, match="no second moment of convs.0"):
        D2DGN()(trained, REQUEST)
    assert D2DGN(solver=Restored())(trained, REQUEST).history


def test_where_nobody_near_was_trained_on_the_whole_graph_is_asked():
    node = torch.arange(399)
    along = torch.stack([node, node + 1])
    x = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    row = Data(x=x, edge_index=torch.cat([along, along.flip(0)], dim=1), y=torch.arange(400) % 3)
    row.train_mask = torch.arange(400) < 6
    trained = CrossEntropy(GCN(8), epochs=20).fit(row, TASK, 0)
    result = D2DGN(company=0)(trained, ForgetRequest("edge", [[200, 201]]))
    assert all(torch.isfinite(p).all() for p in result.model.parameters())


class Own(nn.Module):
    """A module of the user's own, without a learner."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = GCN(8, dropout=0.0).build(8, 3, 0)

    def forward(self, x, edge_index):
        return self.inner(x, edge_index)


def test_a_module_without_a_learner_is_distilled_with_a_fresh_solver(tiny_graph):
    trained = Trained.wrap(Own(), tiny_graph, TASK)
    method = D2DGN(Untrained(), None, solver=Fresh(5))
    result = method(trained, REQUEST)
    assert distance(trained, result, tiny_graph, torch.arange(60)) > 0


def test_the_optimiser_state_goes_on_to_the_next_request(tiny_graph):
    trained = LEARNER.fit(tiny_graph, TASK, 0)
    first = D2DGN()(trained, ForgetRequest("node", [0]))
    second = D2DGN()(first, ForgetRequest("node", [1]))
    assert [step.size for step in second.history] == [1, 1]
    assert Resume().supports(second, ForgetRequest("node", [2])) is None
