"""Arms of recommenders for one request: what was unlearned, two controls, what tells them apart.

Originals, retrained models and further retrained ones (the floor), each trained as one program
where it can be; every arm is asked the same pairs and compared with the first retrained models.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import torch
from torch import Tensor

from benchmarks.arms import FLOOR, ORACLE, TIMED, median
from graphforget.audit import Cost, Meter
from graphforget.protocols import Learner, Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from recsys.audit import (
    audit_pairs,
    carried_out_in_turn,
    decile_gaps,
    fit_many,
    fold_in_attack,
    forgotten_ranks,
    in_turn,
    list_distance,
    neighbours,
)
from recsys.audit.asked import user_scores
from recsys.audit.fold_in import item_rows, probed
from recsys.audit.pairs import LEAST, Asked, pairs_asked
from recsys.interactions import Interactions
from recsys.ranking import ranking_metrics
from recsys.unlearn.sharded import Sharded, hit_shards

LISTS = 3
"""Models an arm whose lists are compared, each with each."""


@dataclass(frozen=True, eq=False)
class Bench:
    """One request on one log, with the models that every method is measured against.

    Args:
        request: what is forgotten.
        asked: the pairs that all arms are asked about.
        none: the originals.
        oracle: retrained without the forgotten data.
        floor: retrained again, with other seeds.
        retraining: cost of one retraining by itself, through the learner's own loop.
    """

    request: ForgetRequest
    asked: Asked
    none: Sequence[Trained]
    oracle: Sequence[Trained]
    floor: Sequence[Trained]
    retraining: Cost

    @cached_property
    def oracle_utility(self) -> dict[str, float]:
        """Scores of the retrained models, under names that say so."""
        return {f"oracle_{name}": value for name, value in utility(self, self.oracle).items()}

    @property
    def data(self) -> Interactions:
        """The original log."""
        data = self.none[0].data
        assert isinstance(data, Interactions)
        return data


def set_up(
    originals: Sequence[Trained], learner: Learner, request: ForgetRequest, at_most: int = 2000
) -> Bench:
    """Train what every method is measured against."""
    first = originals[0]
    retained, task = request.retained(first.data), first.task
    seeds = [each.seed for each in originals]
    oracle, floor = (
        fit_many(learner, retained, task, [start + seed for seed in seeds])
        for start in (ORACLE, FLOOR)
    )
    costs = []
    for place in range(3):
        with Meter() as meter:
            learner.fit(retained, task, TIMED + place)
        costs.append(meter.cost)
        if meter.cost.cpu_seconds > 5:
            break
    asked = pairs_asked(first, request, at_most)
    return Bench(request, asked, originals, oracle, floor, median(costs))


def unlearned(
    unlearner: Unlearner, originals: Sequence[Trained], request: ForgetRequest, parts: int
) -> tuple[list[list[Trained]], Cost]:
    """Each original after each of ``parts`` requests, and the median cost of all of them."""
    requests = [request] if parts == 1 else in_turn(request, parts, seed=0)
    found, costs = [], []
    for original in originals:
        with Meter() as meter:
            found.append(list(carried_out_in_turn(unlearner, original, requests, original.seed)))
        costs.append(meter.cost)
    return found, median(costs)


def measured(bench: Bench, arm: Sequence[Trained]) -> dict[str, float]:
    """All measures of one arm by name; NaN where one does not apply."""
    found = utility(bench, arm) | bench.oracle_utility
    if min(len(arm), len(bench.oracle)) >= LEAST:
        audit = audit_pairs(arm, bench.oracle, bench.none[0], bench.asked)
        found |= asdict(audit) | {"excess": audit.excess}
    found |= _fold_in(bench, arm) | _lists(bench, arm) | _ranks(bench, arm)
    gaps = torch.stack([decile_gaps(ours, theirs)
                        for ours, theirs in zip(arm, bench.oracle, strict=False)])
    mean = gaps.nanmean(0)
    found["worst_decile"] = float(mean[mean.isfinite()].min())
    found["best_decile"] = float(mean[mean.isfinite()].max())
    if sum(p.numel() for p in arm[0].model.parameters()) and _same_shape(arm[0], bench.oracle[0]):
        found["weights_apart"] = _apart(arm[0], bench.oracle[0])
    return found


def utility(bench: Bench, arm: Sequence[Trained]) -> dict[str, float]:
    """Mean ranking metrics of an arm on the test pairs that stay, and the spread of NDCG@20.

    What users had before the request is left out of all lists alike: a system that has forgotten a
    pair recommends its item again, which says nothing of the model.
    """
    data, retained = bench.data, bench.request.retained(bench.data)
    known, wanted = torch.cat([data.pairs, data.val_pairs], dim=1), retained.test_pairs
    each = [ranking_metrics(user_scores(one), known, wanted) for one in arm]
    found = {f"test_{name}": statistics.fmean(one[name] for one in each) for name in each[0]}
    ndcg = [one["ndcg@20"] for one in each]
    return found | {"ndcg_sd": statistics.stdev(ndcg) if len(ndcg) > 1 else math.nan}


def of_shards(learner: Sharded, trained: Trained, request: ForgetRequest) -> dict[str, float]:
    """What a deletion costs in its parts: how many shards, and the seconds of them and the rest."""
    task, retained = trained.task, request.retained(trained.data)
    hit, fresh = hit_shards(trained, request), learner.without_hit(trained, request)
    with Meter() as shards:
        learner.train_shards(fresh, retained, task, hit, trained.seed)
    with Meter() as aggregator:
        learner.train_aggregator(fresh, retained, task, trained.seed)
    return {
        "shards": float(learner.partition.shards),
        "shards_hit": float(len(hit)),
        "shard_cpu_seconds": shards.cost.cpu_seconds,
        "aggregator_cpu_seconds": aggregator.cost.cpu_seconds,
    }


def _fold_in(bench: Bench, arm: Sequence[Trained]) -> dict[str, float]:
    """The probe of removed users: the attack on the second halves of what they took."""
    if bench.request.kind != "user" or min(len(arm), len(bench.oracle)) < LEAST:
        return {}
    pairs = _forgotten(bench)
    if not probed(item_rows(arm[0]), pairs, seed=0).numel():
        return {}
    attack = fold_in_attack(arm, bench.oracle, pairs)
    others = _some_users_pairs(bench)
    drift = fold_in_attack(arm, bench.oracle, others)
    return {"fold_in": attack.auc, "fold_in_retained": drift.auc}


def _lists(bench: Bench, arm: Sequence[Trained]) -> dict[str, float]:
    users = _forgotten(bench)[0].unique()
    near = neighbours(bench.data, users)
    asked = near if bench.request.kind == "user" else users
    if not len(asked):
        return {}
    some = [each[:LISTS] for each in (arm, bench.none, bench.oracle, bench.floor)]
    found = list_distance(*some, users=asked)
    return {"lists": found.after, "lists_none": found.none, "lists_floor": found.floor}


def _ranks(bench: Bench, arm: Sequence[Trained]) -> dict[str, float]:
    """Median place of the forgotten items in the lists of users who are still there."""
    if not bench.asked.forgotten.size(1):
        return {}
    pairs = bench.data.from_nodes(bench.asked.forgotten)
    arms = {"rank": arm, "rank_before": bench.none, "rank_oracle": bench.oracle}
    return {name: float(forgotten_ranks(models[0], pairs).median())
            for name, models in arms.items()}


def _forgotten(bench: Bench) -> Tensor:
    """Users and items of the pairs that the request takes away, ``(2, K)``."""
    task = bench.none[0].task
    return bench.data.from_nodes(task.forgotten_items(bench.request, bench.data))


def _some_users_pairs(bench: Bench) -> Tensor:
    """Pairs of as many users who stay."""
    gone = bench.request.tensor
    left = bench.data.pairs[:, ~torch.isin(bench.data.pairs[0], gone)]
    order = torch.randperm(bench.data.num_users, generator=torch.Generator().manual_seed(0))
    return left[:, torch.isin(left[0], order[: 2 * max(len(gone), 5)])]


def _same_shape(one: Trained, other: Trained) -> bool:
    shapes = ([tuple(p.shape) for p in each.model.parameters()] for each in (one, other))
    return next(shapes) == next(shapes)


def _apart(one: Trained, other: Trained) -> float:
    both = zip(one.model.parameters(), other.model.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in both)
