"""The two audits: a quick one of a single run for every day, a full one of a method for claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.audit.answers import Answers, answer
from graphforget.audit.artefacts import artefacts
from graphforget.audit.cost import Cost, Meter
from graphforget.audit.distance import distances
from graphforget.audit.ensemble import fit_many
from graphforget.audit.findings import AuditReport
from graphforget.audit.measures import (
    Arms,
    mean_of,
    measure,
    per_example,
    slices_of,
    spread_of,
)
from graphforget.audit.regions import Regions, regions
from graphforget.audit.verdict import (
    Slice,
    Verdict,
    judge_artefacts,
    judge_membership,
    judge_population,
    judge_slices,
    judge_utility,
)
from graphforget.core.errors import UserError
from graphforget.protocols import Learner, Outcome, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained

ORACLE_SEEDS = 10_000  # seeds of retrained models, away from those of originals
FLOOR_SEEDS = 20_000


def quick_audit(outcome: Outcome, floor: Trained | None = None, seed: int = 0) -> AuditReport:
    """Judge one run against two retrained models, which are trained here if they are not given.

    Two retrained models show roughly how large noise is, not how it is distributed, and a
    population attack is blind to single items: good enough for every day, not for claims. Tried
    on a graph of 120 nodes it turned down one honest retraining in six, the full audit with 6
    models one in 28; larger graphs make less noise.

    Args:
        outcome: the run.
        floor: a second retrained model.
        seed: seed of the retrained models and of what is sampled.

    Raises:
        UserError: if a retrained model is needed and the run does not say how it was trained.
    """
    before, request, costs = outcome.before, outcome.request, {}
    oracle = outcome.oracle
    if oracle is None:
        with Meter() as meter:
            oracle = _retrain(before, request, ORACLE_SEEDS + seed)
        costs["retrain"] = meter.cost
    if floor is None:
        floor = _retrain(before, request, FLOOR_SEEDS + seed)
    outcome = replace(outcome, oracle=oracle)
    arms = Arms([before], [outcome.after], [oracle], [floor])
    return _report("quick", outcome, arms, costs, seed, at_most=5000)


def full_audit(
    unlearner: Unlearner,
    learner: Learner,
    data: Data,
    task: Task,
    request: ForgetRequest,
    models: int = 16,
    seed: int = 0,
    at_most: int = 2000,
) -> AuditReport:
    """Judge a method: many independent runs against two samples of retrained models.

    ``models`` originals, each unlearned once with a seed of its own, and twice as many retrained
    models. 16 to 24 an arm find a shift of one standard deviation (evaluation.md 4.3).

    Args:
        unlearner: the method.
        learner: how originals and retrained models are trained.
        data: the graph with the items to forget.
        task: what the models are for.
        request: what is forgotten.
        models: models an arm, at least 4.
        seed: seed of it all.
        at_most: items looked at in each region.

    Raises:
        UserError: for fewer than 4 models.
        Refused: if the method cannot carry the request out.
    """
    if models < 4:
        raise UserError(f"full audit: wanted at least 4 models an arm, got {models}")
    request.check(data, missing=True)
    seeds = range(seed, seed + models)
    originals = fit_many(learner, data, task, seeds)
    with Meter() as forgetting:
        after = [unlearner(original, request, original.seed) for original in originals]
    retained = request.retained(data)
    with Meter() as retraining:
        first = learner.fit(retained, task, ORACLE_SEEDS + seed)
    oracles = [first, *fit_many(learner, retained, task, [ORACLE_SEEDS + s for s in seeds[1:]])]
    floors = fit_many(learner, retained, task, [FLOOR_SEEDS + s for s in seeds])
    costs = {"forget": _each(forgetting.cost, models), "retrain": retraining.cost}
    outcome = Outcome(originals[0], after[0], request, costs["forget"].seconds, oracles[0])
    arms = Arms(originals, after, oracles, floors)
    return _report("full", outcome, arms, costs, seed, at_most)


def _report(
    kind: str, outcome: Outcome, arms: Arms, costs: dict[str, Cost], seed: int, at_most: int
) -> AuditReport:
    before, request = outcome.before, outcome.request
    where = regions(before, request, at_most, seed)
    for name in ("forgotten", "test", "retained"):
        if not getattr(where, name).numel():
            raise UserError(
                f"audit: wanted {name} items to compare with, the run and the request leave none; "
                "check the split and what the request names"
            )
    answers: dict[str, list[Answers]] = {
        name: [answer(model, before, request, where, seed) for model in arm]
        for name, arm in arms.named().items()
    }
    scores = {
        name: [measure(model, answers[name][place], before, request, where, answers["before"][0],
                       relearn=kind == "full" and place == 0)
               for place, model in enumerate(arm)]
        for name, arm in arms.named().items()
    }
    slices = slices_of(answers, where)
    means = {name: mean_of(arm) for name, arm in scores.items()}
    for name in means:
        means[name] |= {f"distance_{place}": _distance(part, name)
                        for place, part in slices.items()}
    spread = spread_of(scores["oracle"] + scores["floor"])
    attacks, excess = per_example(answers, seed) if kind == "full" else ({}, {})
    found = sorted({line for old, new in zip(arms.before, arms.after, strict=True)
                    for line in artefacts(old, new, request)})
    bare = _distance_of_unlinked(arms, answers, request, where, seed)
    tested = where.test.size(-1)
    criteria = [
        judge_artefacts(found),
        *judge_slices(slices),
        *judge_utility(means["after"], means["oracle"], spread, 0 if kind == "full" else tested),
    ]
    if kind == "full":
        forgotten, test = (attacks["after"][place].two_sided for place in ("forgotten", "test"))
        criteria.append(judge_membership(excess["after"], forgotten, test))
    else:
        after, oracle, floor = (
            means[name]["population_attack_auc"] for name in ("after", "oracle", "floor")
        )
        criteria.append(judge_population(after, oracle, floor, slices["forgotten"].items))
    return AuditReport(
        kind=kind,
        models=len(arms.after),
        outcome=outcome,
        **means,
        spread=spread,
        slices=slices,
        margins={name: _pooled(answers[name]) for name in ("before", "after", "oracle")},
        verdict=Verdict(tuple(criteria), tuple(_caveats(kind, slices, len(arms.after), bare))),
        attacks=attacks,
        excess=excess,
        costs=costs,
    )


def _retrain(before: Trained, request: ForgetRequest, seed: int) -> Trained:
    if before.learner is None:
        raise UserError(
            "audit: wanted a retrained model to compare with, and the run does not say how it was "
            "trained; pass the retrained model, or wrap the original with its learner"
        )
    return before.learner.fit(request.retained(before.data), before.task, before.seed + seed)


def _each(cost: Cost, models: int) -> Cost:
    return replace(cost, seconds=cost.seconds / models, cpu_seconds=cost.cpu_seconds / models)


def _distance(part: Slice, arm: str) -> float:
    return {"before": part.none, "after": part.distance, "oracle": 0.0, "floor": part.floor}[arm]


def _distance_of_unlinked(
    arms: Arms,
    answers: Mapping[str, list[Answers]],
    request: ForgetRequest,
    where: Regions,
    seed: int,
) -> float:
    """Distance on the forgotten items of the originals' weights, asked without the data."""
    before = arms.before[0]
    retained = request.retained(before.data)
    bare = [answer(Trained(each.model, retained, each.task), before, request, where, seed)
            for each in arms.before]
    ours, theirs = ([each.probability["forgotten"] for each in some]
                    for some in (bare, [*answers["oracle"], *answers["floor"]]))
    return float(distances(ours, theirs).mean())


def _pooled(answers: list[Answers]) -> dict[str, Tensor]:
    return {name: torch.cat([each.margin[name] for each in answers])
            for name in ("forgotten", "retained", "test") if name in answers[0].margin}


def _caveats(kind: str, slices: Mapping[str, Slice], models: int, bare: float) -> list[str]:
    found = []
    if kind == "quick":
        found.append(
            "This is the quick audit: it compares with two retrained models and looks for a leak "
            "on average. A leak of single items would not show. It is weaker evidence than the "
            "full audit, which compares samples of models item by item, and on small data it can "
            "turn down a model that has forgotten: run the full audit before acting on it."
        )
    else:
        found.append(
            f"The full audit judges the method by {models} independent runs of it on this request."
        )
    if not slices["forgotten"].telling:
        found.append(
            "On the forgotten items even the untouched model is within noise of a retrained one: "
            "the request leaves little to forget, so passing says little about the method."
        )
    elif bare <= slices["forgotten"].limit:
        found.append(
            "On the forgotten items even the untouched weights answer within noise of a retrained "
            "model once the data are out of the graph: the weights hold little of them, so passing "
            "says little about the method."
        )
    return found
