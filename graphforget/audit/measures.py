"""What is measured on the four arms of an audit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from graphforget.audit.answers import Answers
from graphforget.audit.distance import distances, gaussian_kl, item_distance, item_separation
from graphforget.audit.literature import forget_auc, mi_ratio
from graphforget.audit.membership import (
    Attack,
    log_ratios,
    membership_excess,
    per_example_attack,
    population_attack,
)
from graphforget.audit.regions import Regions
from graphforget.audit.relearn import steps_to_relearn
from graphforget.audit.slice import Slice
from graphforget.audit.utility import scores
from graphforget.audit.words import PLACES
from graphforget.core.metric import Direction
from graphforget.request import ForgetRequest
from graphforget.trained import Trained

Many = Mapping[str, Sequence[Answers]]
ATTACKED = ("forgotten", "retained", "test")
CONTROLS = {"after": "after", "none": "before", "floor": "floor"}


@dataclass(frozen=True, eq=False)
class Arms:
    """The models that are compared.

    Args:
        before: originals.
        after: the same, unlearned.
        oracle: retrained without the forgotten data.
        floor: retrained again with other seeds.
    """

    before: Sequence[Trained]
    after: Sequence[Trained]
    oracle: Sequence[Trained]
    floor: Sequence[Trained]

    def named(self) -> dict[str, Sequence[Trained]]:
        """The arms by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def measure(
    trained: Trained,
    answers: Answers,
    before: Trained,
    request: ForgetRequest,
    regions: Regions,
    original: Answers,
    relearn: bool = False,
) -> dict[str, float]:
    """Scores of one model.

    Args:
        trained: the model.
        answers: its answers.
        before: an original.
        request: what was to be forgotten.
        regions: where it was asked.
        original: the original's answers.
        relearn: also count the steps to relearn the forgotten items.
    """
    found = scores(trained, before, request)
    margin, confidence = answers.margin, answers.confidence
    found["forgotten_confidence"] = float(confidence["forgotten"].mean())
    found["forgotten_margin"] = float(margin["forgotten"].mean())
    found["population_attack_auc"] = population_attack(margin["forgotten"], margin["test"])
    found["forget_auc"] = forget_auc(confidence["retained"], confidence["forgotten"])
    theirs = [original.margin[name] for name in ("forgotten", "retained", "test")]
    found["mi_ratio"] = mi_ratio(theirs[0], margin["forgotten"], *theirs[1:])
    if relearn:
        holds = request.held_by(trained.data, before.data)
        found["relearn_steps"] = steps_to_relearn(
            trained.model,
            trained.data if holds else request.probe(before.data),
            before.data,
            before.task,
            regions.forgotten,
            _raw_margin(before, regions),
        )
    return found


def slices_of(answers: Many, regions: Regions) -> dict[str, Slice]:
    """Distances to all retrained models on each region, between the two controls."""
    found = {}
    for name, items in regions.present().items():
        if name not in PLACES:
            continue
        p = {arm: [each.probability[name] for each in models] for arm, models in answers.items()}
        retrained = [*p["oracle"], *p["floor"]]
        floor = distances(p["floor"], p["oracle"]).mean(1)
        margins = {arm: torch.stack([each.margin[name] for each in models])
                   for arm, models in answers.items()}
        many = len(p["oracle"]) > 1
        found[name] = Slice(
            items=items.size(-1),
            distance=float(distances(p["after"], retrained).mean()),
            none=float(distances(p["before"], retrained).mean()),
            floor=float(floor.mean()),
            spread=float(floor.std()) * math.sqrt(2 / floor.numel()) if many else math.nan,
            error=_error(p["floor"][0], p["oracle"][0]),
            kl=_three(gaussian_kl, margins) if many else None,
            separation=_three(item_separation, margins) if many else None,
        )
    return found


def per_example(
    answers: Many, seed: int
) -> tuple[dict[str, dict[str, Attack]], dict[str, tuple[float, float, float]]]:
    """The per-example attack on each arm and region, and its membership excess."""
    attacks: dict[str, dict[str, Attack]] = {}
    excess = {}
    for control, arm in CONTROLS.items():
        pairs = {
            name: tuple(
                torch.stack([each.margin[name] for each in answers[side]])
                for side in (arm, "oracle")
            )
            for name in ATTACKED
        }
        attacks[control] = {
            name: per_example_attack(ours, theirs, seed=seed)
            for name, (ours, theirs) in pairs.items()
        }
        excess[control] = membership_excess(
            log_ratios(*pairs["forgotten"]), log_ratios(*pairs["test"]), seed=seed
        )
    return attacks, excess


def mean_of(arm: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each score over the models that have it."""
    names = dict.fromkeys(name for each in arm for name in each)
    return {name: float(torch.tensor(_values(arm, name)).mean()) for name in names}


def spread_of(retrained: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Standard deviation of each score over retrained models."""
    names = dict.fromkeys(name for each in retrained for name in each)
    return {name: float(torch.tensor(_values(retrained, name)).std()) for name in names}


def _values(arm: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [float(each[name]) for each in arm if name in each]


def _error(p: Tensor, q: Tensor) -> float:
    """Standard error over the items of the distance between two models."""
    each = item_distance(p, q)
    return float(each.std() / math.sqrt(len(each))) if len(each) > 1 else 0.0


def _three(
    compare: Callable[[Tensor, Tensor], Tensor], margins: Mapping[str, Tensor]
) -> tuple[float, float, float]:
    """A comparison with retrained models of the unlearned arm, *none* and *floor*."""
    arms = ("after", "before", "floor")
    after, none, floor = (float(compare(margins[arm], margins["oracle"]).mean()) for arm in arms)
    return after, none, floor


@torch.no_grad()
def _raw_margin(before: Trained, regions: Regions) -> float:
    logits = before.task.logits(before.model, before.data, regions.forgotten)
    return float(before.task.margin(logits, before.data, regions.forgotten).mean())


DIRECTIONS: dict[str, Direction] = {
    "val_logloss": Direction.LOWER_IS_BETTER,
    "test_logloss": Direction.LOWER_IS_BETTER,
    "other_classes_accuracy": Direction.HIGHER_IS_BETTER,
    "mi_ratio": Direction.HIGHER_IS_BETTER,
}
"""Directions of scores by name. Of other scores of validation and test items more is better, of
distances less, and every other score is better the closer it is to the oracle's."""


def direction_of(name: str) -> Direction:
    """Which value of a score is the better one."""
    if name.startswith("distance_"):
        return Direction.LOWER_IS_BETTER
    held_out = name.startswith(("val_", "test_"))
    other = Direction.HIGHER_IS_BETTER if held_out else Direction.CLOSER_TO_ORACLE_IS_BETTER
    return DIRECTIONS.get(name, other)
