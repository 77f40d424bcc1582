"""EASE without what a request names is EASE trained without it, to rounding."""

from __future__ import annotations

import pytest
import torch

from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn import Retrain, Unlink
from recsys.interactions import Interactions
from recsys.learn import BPRMF
from recsys.learn.ease import EASE
from recsys.task import Ranking
from recsys.unlearn import EASEDeletion

TASK = Ranking()


def random_log(users: int = 60, items: int = 25, share: float = 0.2, seed: int = 0) -> Interactions:
    """Everybody takes a random fifth of the items."""
    generator = torch.Generator().manual_seed(seed)
    pairs = (torch.rand(users, items, generator=generator) < share).nonzero().t()
    return Interactions.of(pairs, users, items)


def trained_on(log: Interactions, penalty: float = 5.0) -> Trained:
    return EASE(penalty=penalty).fit(log, Ranking(), seed=0)


@torch.no_grad()
def gap(one: Trained, other: Trained) -> float:
    """Largest difference of inverse Gram matrix and scores."""
    users = torch.arange(one.model.num_users)
    scores = [TASK.scores(each.model(each.data.x, each.data.edge_index), users, each.data)
              for each in (one, other)]
    inverse = (one.model.inverse - other.model.inverse).abs().max()
    return float(torch.maximum(inverse, (scores[0] - scores[1]).abs().max()))


def first_pairs(log: Interactions, count: int) -> list[list[int]]:
    return log.pairs[:, :count].t().tolist()




@pytest.mark.parametrize("kind", ["user", "item", "interaction"])
@pytest.mark.parametrize("count", [1, 4])
def test_deletion_equals_retraining(kind: str, count: int) -> None:
    log = random_log()
    index = first_pairs(log, count) if kind == "interaction" else list(range(count))
    request = ForgetRequest(kind, index)
    trained = trained_on(log)
    after = EASEDeletion()(trained, request)
    again = Retrain()(trained, request)
    assert gap(after, again) < 1e-12
    assert gap(trained, again) > 1e-4  # there was something to forget


def test_four_hundred_deletions_in_sequence_stay_exact() -> None:
    log = random_log(users=500, items=20)
    now = trained_on(log)
    generator = torch.Generator().manual_seed(1)
    users = torch.randperm(500, generator=generator)[:200].tolist()
    for turn, user in enumerate(users):
        now = EASEDeletion()(now, ForgetRequest("user", [user]))
        if turn % 2:
            pair = now.data.pairs[:, int(torch.randint(now.data.pairs.size(1), (1,),
                                                       generator=generator))]
            now = EASEDeletion()(now, ForgetRequest("interaction", [pair.tolist()]))
        else:
            left = [u for u in range(500) if u not in users]
            now = EASEDeletion()(now, ForgetRequest("user", [left[turn // 2]]))
    assert len(now.history) == 400
    assert gap(now, trained_on(now.data)) < 1e-10


def test_most_of_the_users_at_once_is_refitted_and_exact() -> None:
    trained = trained_on(random_log())
    request = ForgetRequest("user", list(range(40)))
    assert gap(EASEDeletion()(trained, request), Retrain()(trained, request)) < 1e-12


def test_an_item_of_a_user_who_stays_goes_with_his_other_pairs_untouched() -> None:
    trained = trained_on(random_log())
    after = EASEDeletion()(trained, ForgetRequest("item", [3, 7]))
    inverse = after.model.inverse.detach()
    assert inverse[3].count_nonzero() == 1  # an isolated item, known by its penalty alone
    assert float(inverse[3, 3]) == pytest.approx(1 / 5.0)


def test_the_original_is_left_as_it_was() -> None:
    trained = trained_on(random_log())
    kept = trained.model.inverse.detach().clone()
    EASEDeletion()(trained, ForgetRequest("user", [0]))
    assert trained.model.inverse.equal(kept)


def test_models_that_hold_more_than_their_data_are_refused() -> None:
    unlinked = Unlink()(trained_on(random_log()), ForgetRequest("user", [0]))
    reason = EASEDeletion().supports(unlinked, ForgetRequest("user", [1]))
    assert reason is not None and "Unlink" in reason


def test_other_models_are_refused() -> None:
    other = BPRMF(width=2, epochs=1).fit(random_log(), Ranking(), seed=0)
    reason = EASEDeletion().supports(other, ForgetRequest("user", [0]))
    assert reason is not None and "BPRMF" in reason


def test_a_run_folder_keeps_double_precision(tmp_path) -> None:
    after = EASEDeletion()(trained_on(random_log()), ForgetRequest("user", [2]))
    after.save(tmp_path / "run")
    again = Trained.load(tmp_path / "run")
    assert again.model.inverse.dtype == torch.float64
    assert again.model.inverse.equal(after.model.inverse)
