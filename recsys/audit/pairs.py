"""Can forgotten pairs be told by a model's answers? Attacks on arms of models, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from graphforget.audit.distance import gaussian_kl
from graphforget.audit.membership import per_example_attack, population_attack
from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from recsys.audit.asked import parts
from recsys.audit.forget_sets import margins

LEAST = 4
"""Models an arm that two halves can be made of, each with a spread."""


@dataclass(frozen=True)
class PairAudit:
    """What tells an arm of models from retrained ones, on forgotten and on retained pairs.

    Args:
        kl_forgotten: Gaussian KL of the margins of forgotten pairs, mean, in nats; not 0 for equal
            arms, so the floor has to stand beside it.
        kl_retained: the same of retained pairs.
        shift_forgotten: mean margin of forgotten pairs less that under retrained models; negative
            is over-forgotten, and as easily told.
        shift_retained: the same of retained pairs.
        attack_forgotten: AUC of the per-example attack; 0.5 is chance.
        attack_retained: the same on retained pairs, who can become more exposed.
        tpr_5: share of forgotten pairs recognised while 5% of retrained answers are accused.
        population: AUC of one threshold, forgotten pairs against test pairs.
        population_oracle: what it is for retrained models, which is the target, not 0.5.
    """

    kl_forgotten: float
    kl_retained: float
    shift_forgotten: float
    shift_retained: float
    attack_forgotten: float
    attack_retained: float
    tpr_5: float
    population: float
    population_oracle: float

    @property
    def excess(self) -> float:
        """How much better the attack does on forgotten pairs than on retained ones.

        What it reaches on those is drift of the weights and speaks of nobody.
        """
        return abs(self.attack_forgotten - 0.5) - abs(self.attack_retained - 0.5)


@dataclass(frozen=True, eq=False)
class Asked:
    """The pairs of nodes that all arms are asked about, each of shape ``(2, K)``.

    Args:
        forgotten: training pairs that the request takes away, and whose user is still there.
        retained: training pairs that stay.
        test: held-out pairs of users and items that stay.
    """

    forgotten: Tensor
    retained: Tensor
    test: Tensor


def pairs_asked(
    before: Trained, request: ForgetRequest, at_most: int = 2000, seed: int = 0
) -> Asked:
    """What to ask about a request, each kind of pair sampled down to ``at_most``.

    A pair of a forgotten user or item has a row that no training has touched, so its margin speaks
    of the draw of that row: such pairs are asked by `recsys.audit.fold_in`.
    """
    task, data = parts(before)
    retained = request.retained(data)
    kept = task.train_items(retained)
    degree = retained.edge_index[0].bincount(minlength=int(data.num_nodes or 0))
    gone = task.forgotten_items(request, data)
    if request.named(data)[0] == "node":
        gone = gone[:, :0]
    test = task.test_items(retained)
    draw = Generator().manual_seed(seed)
    return Asked(*(_some(pairs[:, (degree[pairs] > 0).all(0)], at_most, draw)
                   for pairs in (gone, kept, test)))


def arm_margins(arm: Sequence[Trained], pairs: Tensor, before: Trained) -> Tensor:
    """Margins of pairs under the models of an arm, shape ``(M, K)``."""
    data = parts(before)[1]
    return torch.stack([margins(each, pairs, data) for each in arm])


def audit_pairs(
    ours: Sequence[Trained], theirs: Sequence[Trained], before: Trained, asked: Asked, seed: int = 0
) -> PairAudit:
    """Compare an arm of models with retrained ones.

    Args:
        ours: unlearned models, or an arm that is a control, at least 4.
        theirs: retrained models.
        before: an original, for the log that margins are measured by.
        asked: the pairs.
        seed: of the bootstrap.

    Raises:
        UserError: if an arm is too small.
    """
    if min(len(ours), len(theirs)) < LEAST:
        raise UserError(
            f"audit: wanted at least {LEAST} models an arm, got {len(ours)} and {len(theirs)}; "
            "16 of each are enough to trust"
        )
    nan = float("nan")
    kl, shift, attack, tpr = {}, {}, {}, nan
    population = population_oracle = nan
    for name, pairs in (("forgotten", asked.forgotten), ("retained", asked.retained)):
        if not pairs.size(1):
            kl[name] = shift[name] = attack[name] = nan
            continue
        here, there = (arm_margins(arm, pairs, before) for arm in (ours, theirs))
        kl[name] = float(gaussian_kl(here, there).mean())
        shift[name] = float(here.mean() - there.mean())
        found = per_example_attack(here, there, resamples=2, seed=seed)
        attack[name] = found.auc
        if name == "forgotten":
            tpr = found.tpr_5
            unseen = [arm_margins(arm, asked.test, before) for arm in (ours, theirs)]
            population, population_oracle = (
                _population(arm, test) for arm, test in zip((here, there), unseen, strict=True)
            )
    return PairAudit(
        kl["forgotten"], kl["retained"], shift["forgotten"], shift["retained"],
        attack["forgotten"], attack["retained"], tpr, population, population_oracle,
    )


def _population(forgotten: Tensor, test: Tensor) -> float:
    each = [population_attack(f, t) for f, t in zip(forgotten, test, strict=True)]
    return float(torch.tensor(each).mean())


def _some(pairs: Tensor, at_most: int, draw: Generator) -> Tensor:
    if pairs.size(1) <= at_most:
        return pairs
    return pairs[:, torch.randperm(pairs.size(1), generator=draw)[:at_most].sort().values]
