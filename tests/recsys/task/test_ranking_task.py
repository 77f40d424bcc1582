"""The task Ranking: what it reads, what it recommends and how it is scored."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from graphforget.core.errors import UserError
from recsys.interactions import Interactions
from recsys.task import Ranking, Rivals
from recsys.task.ranking import user_auc


class Fixed(nn.Module):
    """Answers what it was given."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.output


def log(**held: Tensor) -> Interactions:
    """Two users, five items; user 0 has items 0 and 1, user 1 has item 2; item 4 nobody has."""
    return Interactions.of(torch.tensor([[0, 0, 1], [0, 1, 2]]), 2, 5, **held)


def scored(*rows: list[float]) -> Fixed:
    """A model with these scores: users have them, items are unit vectors."""
    return Fixed(torch.cat([torch.tensor(rows), torch.eye(5)]))


def test_scores_of_pairs_and_tables_agree_with_hidden_units_too() -> None:
    task, data = Ranking(out_channels=6, joint=4), log()
    output = torch.randn(7, 6, generator=torch.Generator().manual_seed(0))
    every = torch.cartesian_prod(torch.arange(2), torch.arange(2, 7)).t()
    table = task.scores(output, torch.arange(2), data)
    assert torch.allclose(task.read(output, every).view(2, 5), table, atol=1e-6)
    u, i = output[0], output[4]
    units = (u[2:] + i[2:]).relu()
    wanted = u[:2] @ i[:2] + units[:2].sum() - units[2:].sum()
    assert torch.allclose(table[0, 2], wanted)


@pytest.mark.parametrize("few", [True, False])
def test_wide_rows_are_read_alike_one_by_one_and_from_a_table(few: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(400, 150, dtype=torch.float64, generator=generator)
    users = torch.randint(2 if few else 200, (300,), generator=generator)
    items = torch.randint(200, 205 if few else 400, (300,), generator=generator)
    found = Ranking().read(output, torch.stack([users, items]))
    assert torch.allclose(found, (output[users] * output[items]).sum(1))


def test_nobody_is_recommended_what_he_has_or_what_is_gone() -> None:
    model = scored([9.0, 8.0, 1.0, 2.0, 7.0], [5.0, 4.0, 9.0, 6.0, 7.0])
    data = log(test=torch.tensor([[0], [3]]))
    lists = Ranking().recommend(model, data, torch.tensor([1, 0]), k=3)
    assert lists.tolist() == [[3, 0, 1], [3, 2, -1]]


def test_validation_items_are_no_rivals_of_test_items() -> None:
    model = scored([0.0, 0.0, 1.0, 9.0, 5.0], [0.0, 0.0, 0.0, 0.0, 0.0])
    data = log(val=torch.tensor([[0], [3]]), test=torch.tensor([[0], [4]]))
    found = Ranking(cutoffs=(1,)).evaluate(model, data)
    assert found["val_ndcg@1"] == 1.0
    assert found["test_ndcg@1"] == found["test_auc"] == 1.0


def test_users_without_test_items_do_not_count() -> None:
    model = scored([0.0, 0.0, 1.0, 2.0, 9.0], [0.0, 0.0, 0.0, 0.0, 9.0])
    found = Ranking(cutoffs=(1,)).evaluate(model, log(test=torch.tensor([[0], [4]])))
    assert found["test_hit@1"] == found["test_recall@1"] == 1.0
    assert not any(name.startswith("val_") for name in found)


def test_a_margin_is_taken_against_all_that_could_be_recommended_instead() -> None:
    task, data = Ranking(), log(test=torch.tensor([[0], [3]]))
    output = scored([9.0, 8.0, 1.0, 2.0, 7.0], [0.0] * 5).output
    found = task.yardstick(output, data, torch.tensor([[0], [2]]), seed=0)
    assert torch.allclose(found, torch.tensor([1.0, 2.0]).logsumexp(0))  # item 4 nobody has


def test_rivals_are_items_that_the_user_has_not_taken() -> None:
    data = log()
    pairs = data.train_nodes.repeat(1, 100)
    rivals = Rivals(data)(pairs, torch.Generator().manual_seed(0))
    assert rivals[0].equal(pairs[0])
    for user, taken in {0: {2, 3}, 1: {4}}.items():
        assert set(rivals[1][rivals[0] == user].tolist()) == {2, 3, 4, 5, 6} - taken


def test_the_loss_falls_when_taken_items_rise() -> None:
    task, data = Ranking(), log()
    low, high = scored([0.0] * 5, [0.0] * 5), scored([3.0, 3, 0, 0, 0], [0.0, 0, 3, 0, 0])
    losses = [float(task.loss(model, data, torch.Generator().manual_seed(0)))
              for model in (low, high)]
    assert losses[0] == pytest.approx(0.6931, abs=1e-4)
    assert losses[1] == pytest.approx(0.0486, abs=1e-4)


def test_what_cannot_be_ranked_is_refused(tiny_links) -> None:
    with pytest.raises(UserError, match="wanted a graph of users and items"):
        Ranking().check(tiny_links)
    with pytest.raises(UserError, match="wanted training pairs, got none"):
        Ranking().check(Interactions.of(torch.zeros(2, 0, dtype=torch.int64), 2, 2))
    with pytest.raises(UserError, match="joint: wanted an even number"):
        Ranking(joint=3)


def test_a_user_who_is_asked_about_twice_gets_the_same_list_twice() -> None:
    data = log()
    model = scored([3.0, 2.0, 1.0, 0.5, 0.0], [1.0, 2.0, 3.0, 4.0, 0.0])
    users = torch.tensor([1, 0, 1, 0])
    once = Ranking().recommend(model, data, torch.tensor([0, 1]), 2)
    assert Ranking().recommend(model, data, users, 2).equal(once[users])


def test_who_nothing_is_known_of_is_ranked_as_by_chance() -> None:
    wanted = torch.tensor([[False, False, True, False, True]])
    seen = torch.tensor([[True, False, False, False, False]])
    assert user_auc(torch.zeros(1, 5), seen, wanted).tolist() == [0.5]
    assert user_auc(torch.tensor([[9.0, 1, 2, 2, 3]]), seen, wanted).tolist() == [0.875]
