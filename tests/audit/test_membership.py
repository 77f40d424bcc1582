"""Attacks find planted effects, and nothing where there is nothing."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import roc_auc_score

from graphforget.audit.literature import forget_auc, mi_ratio
from graphforget.audit.membership import (
    log_ratios,
    membership_excess,
    per_example_attack,
    population_attack,
    separation,
)


def margins(models: int, items: int, shift: float = 0.0, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    item = 3 * torch.randn(items, generator=torch.Generator().manual_seed(99))
    return item + shift + torch.randn(models, items, generator=draw)


def test_separation_is_the_area_under_the_curve():
    draw = torch.Generator().manual_seed(0)
    high = torch.randint(6, (40,), generator=draw).float()
    low = torch.randint(5, (60,), generator=draw).float()
    truth = [1] * 40 + [0] * 60
    assert separation(high, low) == pytest.approx(roc_auc_score(truth, torch.cat([high, low])))


def test_equal_arms_are_at_chance():
    attack = per_example_attack(margins(16, 200, seed=1), margins(16, 200, seed=2))
    assert 0.45 < attack.auc < 0.55
    assert attack.low < 0.53
    assert attack.tpr_5_low < 0.07


@pytest.mark.parametrize("shift", [1.5, -1.5])
def test_a_shift_is_found_whichever_way_it_goes(shift):
    attack = per_example_attack(margins(16, 200, shift, seed=1), margins(16, 200, seed=2))
    assert attack.low > 0.75
    assert attack.tpr_5 > 0.2
    assert attack.tpr_1_low <= attack.tpr_1 <= attack.tpr_1_high


def test_the_population_attack_is_blind_to_what_the_other_sees():
    known, unknown = margins(16, 200, 1.5, seed=1), margins(16, 200, seed=2)
    assert per_example_attack(known, unknown).auc > population_attack(known[0], unknown[0]) + 0.1


def test_drift_alone_is_no_membership():
    drifted = [log_ratios(margins(12, 150, 1.0, seed), margins(12, 150, 0.0, seed + 9))
               for seed in (1, 2)]
    still = log_ratios(margins(12, 150, 0.0, 3), margins(12, 150, 0.0, 4))
    excess, low, high = membership_excess(drifted[0], drifted[1])
    assert low < 0 < high and abs(excess) < 0.1
    excess, low, _ = membership_excess(drifted[0], still)
    assert excess > 0.15 and low > 0


def test_nobody_is_judged_by_a_fit_that_has_seen_them():
    ours, theirs = margins(8, 20, seed=1), margins(8, 20, seed=2)
    before, _ = log_ratios(ours, theirs)
    outlier = ours.clone()
    outlier[0] += 100.0
    after, _ = log_ratios(outlier, theirs)
    assert torch.equal(before[2::2], after[2::2])  # judged by fits on the other half
    assert not torch.equal(before[1::2], after[1::2])


def test_same_seed_same_interval():
    arms = margins(8, 50, seed=1), margins(8, 50, seed=2)
    assert per_example_attack(*arms, seed=5) == per_example_attack(*arms, seed=5)


def test_scores_of_the_literature():
    high, low = torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0])
    assert forget_auc(retained=high, forgotten=low) == 1.0
    assert mi_ratio(before=high, after=low, members=high, strangers=low) > 1.0
    assert mi_ratio(before=high, after=high, members=high, strangers=low) == 1.0


def test_answers_about_one_item_are_no_independent_witnesses():
    """Models that agree on each item say no more than one of them: items are what is counted."""
    known = torch.where(torch.arange(20) < 10, 8.0, 0.0)  # half of the items
    ours, theirs = (0.1 * margins(64, 20, seed=seed) for seed in (4, 5))
    attack = per_example_attack(known + ours, theirs)
    assert attack.tpr_1_high - attack.tpr_1_low > 0.3  # 20 items, not 1280 answers
