"""Methods that train on subsets of the fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
import torch

from graphforget.core.pool import LocalPool
from recsys import select
from recsys.learn import ClickTraining, roc_auc, train_click
from recsys.models import FM, DeepFM, FiBiNET
from recsys.select.field_sets import FieldSets, TrainedOn
from recsys.select.greedy_forward import greedy_order
from recsys.select.masked_greedy import LastEpochs, MaskedAUC, RandomFields, random_subsets
from recsys.table import Part, Planted, planted_table

QUICK = ClickTraining(batch_size=256, learning_rate=0.05, epochs=2)


@pytest.fixture(scope="module")
def planted() -> Planted:
    return planted_table(1500, relevant=2, redundant=0, irrelevant=1, seed=0)


class Counting:
    """Scores sets from a table of worths, and remembers what it was asked."""

    def __init__(self, **worth: float) -> None:
        self.worth, self.asked = worth, Counter()

    def __call__(self, names: frozenset[str]) -> float:
        self.asked[names] += 1
        return sum(self.worth[name] for name in names)


def test_every_set_is_trained_on_once():
    count = Counting(a=1.0, b=2.0)
    sets = FieldSets(count)
    a, b = frozenset("a"), frozenset("b")
    assert sets.auc([a, b, a]) == [1.0, 2.0, 1.0] and sets.auc([b | a, a]) == [3.0, 1.0]
    assert set(count.asked.values()) == {1} and len(sets.known) == 3


def test_what_a_training_raises_is_raised():
    def broken(names):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        FieldSets(broken).auc([frozenset("a")])


def test_a_pool_that_answers_in_another_order_changes_nothing():
    class Backwards(LocalPool):
        def map(self, fn, items):
            return reversed(list(super().map(fn, items)))

    sets = [frozenset(names) for size in (1, 2) for names in combinations("abc", size)]
    count = Counting(a=1.0, b=2.0, c=4.0)
    assert FieldSets(count, Backwards()).auc(sets) == FieldSets(count).auc(sets)


def test_greedy_asks_for_half_of_a_square_of_sets_and_each_once():
    count = Counting(a=0.1, b=0.3, c=0.2, d=0.4)
    sets = FieldSets(count)
    assert greedy_order("abcd", sets.auc) == ("d", "b", "c", "a")
    assert len(sets.known) == 4 * 5 / 2 and set(count.asked.values()) == {1}


def test_greedy_sees_that_a_copy_adds_nothing():
    """The statistics of single fields put the copy second."""

    def auc(sets):
        return [0.3 * bool(names & {"good", "copy"}) + 0.1 * ("other" in names) for names in sets]

    assert greedy_order(["good", "copy", "other"], auc) == ("good", "other", "copy")


def test_fewer_rounds_leave_the_rest_in_the_order_of_the_last():
    count = Counting(a=0.1, b=0.3, c=0.2, d=0.4)
    sets = FieldSets(count)
    assert greedy_order("abcd", sets.auc, rounds=2) == ("d", "b", "c", "a")
    assert len(sets.known) == 4 + 3


def test_a_set_is_scored_by_a_plain_training_on_it(planted):
    names = frozenset(planted.relevant)
    some = planted.table.only([f.name for f in planted.table.fields if f.name in names])
    fitted = train_click(some, DeepFM(), QUICK, seed=5)
    assert TrainedOn(planted.table, DeepFM(), QUICK, 5)(names) == max(e.auc for e in fitted.history)


@pytest.mark.parametrize(
    "method",
    [select.GreedyForward(QUICK), select.LeaveOneOut(QUICK), select.MaskedGreedy(QUICK)],
    ids=lambda method: type(method).__name__,
)
def test_relevant_fields_come_first(method, planted):
    found = method.select(planted.table, DeepFM(), seed=0)
    assert set(found.ranking[:2]) == set(planted.relevant)


@pytest.mark.parametrize("backbone", [FM(), FiBiNET()], ids=["FM", "FiBiNET"])
@pytest.mark.parametrize(
    "method",
    [select.GreedyForward(QUICK), select.MaskedGreedy(QUICK)],
    ids=lambda method: type(method).__name__,
)
def test_a_backbone_that_makes_nothing_of_one_field_starts_with_the_best_alone(
    method, backbone, planted
):
    found = method.select(planted.table, backbone, seed=0)
    alone = select.SingleFieldAUC().select(planted.table, backbone, seed=0)
    assert found.ranking[0] == alone.ranking[0]
    assert TrainedOn(planted.table, backbone, QUICK, 0)(frozenset(found.ranking[:1])) == 0.5


def test_a_single_field_is_worth_what_it_has_above_a_coin(planted):
    table = planted.table.only([planted.relevant[0]])
    (score,) = select.LeaveOneOut(QUICK).select(table, DeepFM(), seed=0).scores
    assert 0.05 < score < 0.5


def test_subsets_are_of_every_size_and_every_field_is_in_as_many():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        subsets = random_subsets(20_000, 5)
    assert subsets.sum(1).unique().tolist() == [1, 2, 3, 4, 5]
    assert torch.allclose(subsets.float().mean(0), torch.tensor(0.6), atol=0.02)
    pairs = subsets[subsets.sum(1) == 2].unique(dim=0)
    assert len(pairs) == 10  # of 5 fields


def test_fields_are_masked_in_training_only():
    gate, e = RandomFields(), torch.ones(50, 4, 3)
    assert gate.eval()(e, e) is e
    with torch.random.fork_rng():
        masked = gate.train()(e, e)
    assert set(masked.flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(masked.amin(2), masked.amax(2)), "a field is there or not, as a whole"


def test_a_mask_hides_the_values_of_a_field(planted):
    table = planted.table
    fitted = train_click(table, DeepFM(), QUICK, seed=0, gate=RandomFields())
    rows = table.rows(Part.VAL)
    masked = MaskedAUC(fitted.model, table, rows, batch_size=100)
    every = frozenset(masked.names)
    with torch.inference_mode():
        whole = roc_auc(table.label[rows], fitted.model(table.take(rows)).numpy())
    assert masked([every])[0] == pytest.approx(whole, abs=1e-9)
    hidden = planted.relevant[0]
    before = masked([every - {hidden}])
    with torch.no_grad():
        fitted.model.embedding.weight[fitted.model.embedding.starts[masked.names.index(hidden)]] = 9
    after = MaskedAUC(fitted.model, table, rows, batch_size=100)([every - {hidden}])
    assert after == before and before[0] < whole


def test_the_last_epochs_are_kept_as_they_were(planted):
    table, rows = planted.table, planted.table.rows(Part.VAL)
    epochs = LastEpochs(2, table, rows, batch_size=100)
    training = replace(QUICK, epochs=3, patience=3)
    fitted = train_click(table, DeepFM(), training, 0, gate=RandomFields(), callbacks=[epochs])
    every = [frozenset(one.name for one in table.fields)]
    alone = [auc(every)[0] for auc in epochs.kept]
    assert alone == pytest.approx([epoch.auc for epoch in fitted.history[1:]], abs=1e-6)
    assert epochs(every)[0] == pytest.approx(sum(alone) / 2) and alone[0] != alone[1]
