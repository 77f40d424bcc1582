"""Recipes: what they train, what they answer, and what they leave alone."""

from __future__ import annotations

import copy

import pytest
import torch

from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from graphforget.exact.graph_recipe import StackedStages, WholeModel
from graphforget.learn import CrossEntropy
from graphforget.nn import GAT, GCN, GIN

LEARNERS = [
    CrossEntropy(encoder=one(hidden=16), epochs=60, snapshots=()) for one in (GCN, GIN, GAT)
]
CHAINED = [
    StackedStages(3, hidden=16, rank=4, epochs=30),
    StackedStages(3, hidden=16, rank=4, epochs=30, additive=True, blocks=1),
    StackedStages(3, hidden=16, rank=4, epochs=30, input_rank=0, dropout=0.0),
]
RECIPES = [*CHAINED, *(WholeModel(3, learner=learner) for learner in LEARNERS)]


@pytest.fixture(params=RECIPES, ids=lambda one: type(one).__name__)
def recipe(request):
    return request.param


def chain(recipe, data, length=2) -> list:
    states: list = []
    for place in range(length if recipe.chained else 1):
        states.append(recipe.train(data, states, seed=place))
    return states


def test_it_learns_and_answers_with_probabilities(recipe, tiny_graph):
    answer = recipe.respond(tiny_graph, chain(recipe, tiny_graph))
    torch.testing.assert_close(answer.sum(1), torch.ones(60))
    right = (answer.argmax(1) == tiny_graph.y)[tiny_graph.test_mask]
    assert right.float().mean() > 0.8


def test_the_same_arguments_give_the_same_bits_and_are_left_alone(recipe, tiny_graph):
    before = chain(recipe, tiny_graph)[:-1]
    kept, data = copy.deepcopy(before), tiny_graph.clone()
    first = recipe.train(tiny_graph, before, seed=5)
    torch.rand(3)  # the process has gone on
    second = recipe.train(tiny_graph, before, seed=5)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(
        torch.equal(state[name], same[name])
        for state, same in zip(before, kept, strict=True) for name in state
    )
    assert torch.equal(data.x, tiny_graph.x) and torch.equal(data.y, tiny_graph.y)
    other = recipe.train(tiny_graph, before, seed=6)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_configuration_there_and_back(recipe):
    assert from_config(to_config(recipe)) == recipe


def test_nothing_to_learn_from(recipe, tiny_graph):
    data = tiny_graph.clone()
    data.train_mask = torch.zeros(60, dtype=torch.bool)
    answer = recipe.respond(tiny_graph, [recipe.train(data, [], seed=0)])
    torch.testing.assert_close(answer, recipe.constant(tiny_graph))


def test_no_rows_at_all(recipe, tiny_graph):
    none = tiny_graph.subgraph(torch.zeros(60, dtype=torch.bool))
    answer = recipe.respond(tiny_graph, [recipe.train(none, [], seed=0)])
    assert torch.isfinite(answer).all()


def test_answers_follow_features_that_are_changed_in_place(recipe, tiny_graph):
    """Sparse copies of features are kept; they must not outlive what they were made from."""
    data = tiny_graph.clone()
    data.x[:, 1:] = 0  # sparse enough to be kept so
    states = chain(recipe, data)
    before = recipe.respond(data, states)
    data.x[0] += 5
    assert not torch.equal(recipe.respond(data, states)[0], before[0])


def test_features_may_be_asked_for_a_slope(recipe, tiny_graph):
    data = tiny_graph.clone()
    states = chain(recipe, data)
    data.x.requires_grad_()
    recipe.respond(data, states)[:, 0].sum().backward()
    assert data.x.grad is not None and bool(data.x.grad.any())


def test_the_declared_constant(tiny_graph):
    recipe = StackedStages(3, prior=(0.5, 0.25, 0.25))
    assert recipe.constant(tiny_graph).shape == (60, 3)
    assert recipe.constant(tiny_graph)[7].tolist() == [0.5, 0.25, 0.25]
    with pytest.raises(UserError, match="3 shares with sum 1"):
        StackedStages(3, prior=(0.5, 0.5))


@pytest.mark.parametrize("setting", [
    {"epochs": 0}, {"hidden": 1.5}, {"blocks": 0}, {"rank": 0}, {"dropout": 1.0},
])
def test_settings_out_of_range(setting):
    with pytest.raises(UserError, match=f"recipe {next(iter(setting))}"):
        StackedStages(3, **setting)
