"""Four arms of models compared: what an audit finds once the models are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from graphforget.audit.answers import Answers, answer
from graphforget.audit.artefacts import artefacts
from graphforget.audit.cost import Cost
from graphforget.audit.distance import distances
from graphforget.audit.findings import AuditReport
from graphforget.audit.judges import (
    judge_artefacts,
    judge_membership,
    judge_population,
    judge_slices,
    judge_utility,
    judge_weights,
)
from graphforget.audit.measures import (
    Arms,
    mean_of,
    measure,
    per_example,
    slices_of,
    spread_of,
)
from graphforget.audit.regions import Regions, regions
from graphforget.audit.slice import Slice
from graphforget.audit.verdict import Verdict
from graphforget.audit.weights import gain, weight_change
from graphforget.core.errors import UserError
from graphforget.protocols import Outcome
from graphforget.request import ForgetRequest
from graphforget.trained import Trained


def compare(
    kind: str, outcome: Outcome, arms: Arms, costs: dict[str, Cost], seed: int, at_most: int
) -> AuditReport:
    """Ask every model, measure, judge.

    Args:
        kind: ``quick`` or ``full``.
        outcome: the run that is reported.
        arms: the models.
        costs: what was measured while they were made.
        seed: seed of what is sampled.
        at_most: items looked at in each region.

    Raises:
        UserError: if the request leaves a region empty that is needed to compare.
    """
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
    change = weight_change(arms.before, arms.after, arms.oracle, request, where, seed)
    bare, forgot = _distances_of_each(arms, answers, request, where, seed)
    change = replace(change, **gain(bare, forgot, slices["forgotten"].floor))
    history = arms.after[0].history
    exact = bool(history) and history[-1].unlearner.exact
    tested = where.test.size(-1)
    caveats = _caveats(kind, slices, len(arms.after), float(bare.mean()))
    criteria = [
        judge_artefacts(found),
        judge_weights(change, exact),
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
        verdict=Verdict(tuple(criteria), tuple(caveats)),
        weights=change,
        attacks=attacks,
        excess=excess,
        costs=costs,
    )


def _distance(part: Slice, arm: str) -> float:
    return {"before": part.none, "after": part.distance, "oracle": 0.0, "floor": part.floor}[arm]


def _distances_of_each(
    arms: Arms,
    answers: Mapping[str, list[Answers]],
    request: ForgetRequest,
    where: Regions,
    seed: int,
) -> tuple[Tensor, Tensor]:
    """Each model's distance to retrained ones on the forgotten items, both shape ``(M,)``.

    First of the originals' weights, asked without the data, then of the unlearned models.
    """
    before = arms.before[0]
    retained = request.retained(before.data)
    bare = [answer(Trained(each.model, retained, each.task), before, request, where, seed)
            for each in arms.before]
    untouched, after, retrained = (
        [each.probability["forgotten"] for each in some]
        for some in (bare, answers["after"], [*answers["oracle"], *answers["floor"]])
    )
    return distances(untouched, retrained).mean(1), distances(after, retrained).mean(1)


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
