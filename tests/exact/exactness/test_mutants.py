"""The trials are not blind: every known mistake is caught, and by the trials that should see it."""

from __future__ import annotations

import pytest

from graphforget.exact.graph_check import GraphTrial, telling_requests
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.plan import Plan
from tests.exact.exactness import mutants

SMALL = {"num_classes": 3, "hidden": 8, "rank": 2, "epochs": 4}
PLAN = Plan.chains(1, 3, orders=2)
RIGHT = StackedStages(**SMALL)


def mutant_recipe(cls):
    return GraphSource, cls(**SMALL)


MUTANTS = {
    "none": ((GraphSource, RIGHT), set()),
    "rank placement": ((mutants.PlacedByRank, RIGHT), {"removal"}),
    "global normalisation": ((mutants.StandardisedOverAll, RIGHT), {"removal", "poison"}),
    "shared head": (mutant_recipe(mutants.SharesItsHead), {"removal", "poison"}),
    "optimiser over everything": (mutant_recipe(mutants.OptimisesEverything), {"removal"}),
    "degrees of the shard": ((mutants.DegreesOfTheShard, RIGHT), {"removal", "reads"}),
    "messages of later slices": (
        (mutants.MessagesOfLaterSlices, RIGHT), {"removal", "poison", "reads"}
    ),
    "global randomness": (mutant_recipe(mutants.DrawsFromTheProcess), {"removal"}),
    "early stopping": (
        (mutants.WatchesTheShard, mutants.StopsEarly(**SMALL)), {"poison", "reads"}
    ),
}


SLOW = ("early stopping",)


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in MUTANTS
])
def test_a_mutant_is_caught(name, tiny_graph):
    (source, recipe), expected = MUTANTS[name]
    trial = GraphTrial(tiny_graph, PLAN, recipe, write=source.write)
    hubs = [one for one in telling_requests(tiny_graph, PLAN) if one.kind == "node"]
    caught = set()
    if any(trial.removal(request).leaked for request in hubs):
        caught.add("removal")
    if trial.poison():
        caught.add("poison")
    if trial.forbidden_reads():
        caught.add("reads")
    assert expected <= caught, f"{name}: caught by {caught}"
    assert bool(caught) == (name != "none")
