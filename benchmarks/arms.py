"""The arms of a comparison: originals, two samples of retrained models, and what was unlearned.

Every arm is asked the same questions and compared with the first sample of retrained models.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.audit import Cost, Meter, Regions, fit_many, regions
from graphforget.audit.answers import Answers, answer
from graphforget.audit.distance import distances, rho
from graphforget.audit.measures import mean_of, measure
from graphforget.audit.membership import log_ratios, membership_excess, separation
from graphforget.protocols import Learner, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained

ORACLE, FLOOR, TIMED, RANDOM = 10_000, 20_000, 30_000, 40_000
"""Seeds of the arms, away from those of the originals."""
PLACES = ("forgotten", "ring", "rest", "test", "same_class")
ATTACKED = ("forgotten", "retained", "test")
QUICK_TRAINING = 5.0  # CPU seconds below which retraining is timed three times
LONG_TRAINING = 1000  # epochs from which a tenth of them is timed, and counted ten times


Fit = Callable[[Learner, Data, Task, Sequence[int]], list[Trained]]
"""Trains one model a seed."""


@dataclass(frozen=True, eq=False)
class Arm:
    """Models of one kind and their answers."""

    models: Sequence[Trained]
    answers: Sequence[Answers]

    def margins(self, place: str) -> Tensor:
        """Margins on one region, shape ``(M, K)``."""
        return torch.stack([each.margin[place] for each in self.answers])


@dataclass(frozen=True, eq=False)
class Bench:
    """One request on one problem, with the models that every method is measured against.

    Args:
        request: what is forgotten.
        where: the items asked about.
        none: the originals.
        oracle: retrained without the forgotten data.
        floor: retrained again, with other seeds.
        retraining: cost of one retraining by itself, through the learner's own loop.
    """

    request: ForgetRequest
    where: Regions
    none: Arm
    oracle: Arm
    floor: Arm
    retraining: Cost

    def arm(self, models: Sequence[Trained]) -> Arm:
        """Ask models that were unlearned, or made in any other way."""
        before = self.none.models[0]
        return Arm(models, _ask(models, before, self.request, self.where))

    def distance(self, arm: Arm, place: str) -> float:
        """Mean distance to the retrained models: total variation, for links ``|p - q|``."""
        ours, theirs = ([each.probability[place] for each in some.answers]
                        for some in (arm, self.oracle))
        return float(distances(ours, theirs).mean())


def set_up(
    originals: Sequence[Trained],
    learner: Learner,
    request: ForgetRequest,
    fit: Fit = fit_many,
    at_most: int = 1000,
) -> Bench:
    """Train what every method is measured against.

    Args:
        originals: models on the full data, ``M`` of them with different seeds.
        learner: how they were trained.
        request: what is forgotten.
        fit: trains many models of a learner.
        at_most: items asked about in a region.
    """
    first = originals[0]
    task, retained = first.task, request.retained(first.data)
    where = regions(first, request, at_most)
    arms = []
    for models in (
        originals,
        fit(learner, retained, task, [ORACLE + each.seed for each in originals]),
        fit(learner, retained, task, [FLOOR + each.seed for each in originals]),
    ):
        arms.append(Arm(models, _ask(models, first, request, where)))
    return Bench(request, where, *arms, timed_training(learner, retained, task))


def timed_training(learner: Learner, data: Data, task: Task) -> Cost:
    """Cost of training one model; the median of three where one is quick."""
    tenths = 10 if learner.epochs >= LONG_TRAINING else 1
    part, costs = replace(learner, epochs=learner.epochs // tenths), []  # type: ignore[type-var]
    while len(costs) < 3:
        with Meter() as meter:
            part.fit(data, task, TIMED + len(costs))
        costs.append(meter.cost)
        if costs[0].cpu_seconds > QUICK_TRAINING:
            break
    whole = median(costs)
    return replace(
        whole, seconds=tenths * whole.seconds, cpu_seconds=tenths * whole.cpu_seconds
    )


def unlearned(unlearner: Unlearner, originals: Sequence[Trained], request: ForgetRequest):
    """Each original, unlearned by itself, and the median cost of one."""
    models, costs = [], []
    for original in originals:
        with Meter() as meter:
            after = unlearner(original, request, original.seed)
        models.append(after)
        costs.append(meter.cost)
    return models, median(costs)


def rerandomised(originals: Sequence[Trained], learner: Learner, request: ForgetRequest):
    """Models with fresh weights: nothing is remembered, nothing is known."""
    retained, task = request.retained(originals[0].data), originals[0].task
    return [Trained(learner.build(retained, task, RANDOM + each.seed), retained, task, learner)
            for each in originals]


def measured(bench: Bench, arm: Arm) -> dict[str, dict[str, float]]:
    """All measures of one arm: distance and rho by region, utility, and the attack."""
    places = [place for place in PLACES if place in bench.where.present()]
    distance = {place: bench.distance(arm, place) for place in places}
    controls = {place: [bench.distance(other, place) for other in (bench.none, bench.floor)]
                for place in places}
    return {
        "distance": distance,
        "rho": {place: rho(distance[place], *controls[place]) for place in places},
        "none": {place: controls[place][0] for place in places},
        "floor": {place: controls[place][1] for place in places},
        "utility": _utility(bench, arm),
        "attack": attack(bench, arm),
    }


def attack(bench: Bench, arm: Arm) -> dict[str, float]:
    """U-LiRA by region, and its two-sided excess on forgotten over test items."""
    if len(arm.models) < 4:
        return {}
    ratios = {
        place: log_ratios(arm.margins(place), bench.oracle.margins(place))
        for place in ATTACKED if place in bench.where.present()
    }
    found = {place: separation(*(side.flatten() for side in pair))
             for place, pair in ratios.items()}
    if "test" in ratios:
        excess = membership_excess(ratios["forgotten"], ratios["test"], resamples=100)
        found |= dict(zip(("excess", "excess_low", "excess_high"), excess, strict=True))
    return found


def _utility(bench: Bench, arm: Arm) -> dict[str, float]:
    first, original = bench.none.models[0], bench.none.answers[0]
    return mean_of([
        measure(model, answers, first, bench.request, bench.where, original)
        for model, answers in zip(arm.models, arm.answers, strict=True)
    ])


def _ask(models: Sequence[Trained], before: Trained, request: ForgetRequest, where: Regions):
    return [answer(model, before, request, where) for model in models]


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each part of some costs."""
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs)
                  for name in ("seconds", "cpu_seconds", "peak_mb", "peak_gpu_mb")))

