"""Methods that train no network, on tables in which it is known what matters."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from recsys import select
from recsys.models import DeepFM
from recsys.select import gbdt, lasso, mutual_information, permutation, random_forest, xgboost
from recsys.select.base import Family, Selector
from recsys.select.chi_squared import association, counts
from recsys.select.mutual_information import information
from recsys.table import ClickTable, Planted, planted_table

LOOK = [
    select.Lasso(),
    select.GBDT(),
    select.RandomForest(),
    select.XGBoost(),
    select.Permutation(),
    select.ChiSquared(),
    select.MutualInformation(),
    select.SingleFieldAUC(),
]


def name(method: Selector) -> str:
    return type(method).__name__


@pytest.fixture(scope="module")
def planted() -> Planted:
    return planted_table(2000, relevant=3, redundant=2, irrelevant=3, seed=0)


@pytest.mark.parametrize("method", LOOK, ids=name)
def test_relevant_fields_come_first(method, planted):
    assert set(method.select(planted.table, DeepFM(), seed=0).ranking[:3]) == set(planted.relevant)


def unbalanced(rows: int = 3000, seed: int = 0) -> ClickTable:
    """`good` decides the label, `noise` is drawn among very many values."""
    draw = np.random.default_rng(seed)
    good, noise = 1 + draw.integers(6, size=rows), draw.integers(5000, size=rows)
    rate = np.array([0.15, 0.5, 0.85, 0.3, 0.7, 0.2])[good - 1]
    return ClickTable.from_arrays(
        "unbalanced",
        {"noise": noise, "good": draw.permutation(7)[good]},
        label=draw.random(rows) < rate,
        part=draw.choice(3, size=rows, p=[0.7, 0.2, 0.1]),
    )


@pytest.mark.parametrize("method", LOOK, ids=name)
def test_noise_of_many_values_comes_last(method):
    assert method.select(unbalanced(), DeepFM(), seed=0).ranking == ("good", "noise")


@pytest.mark.parametrize(
    "method", [random_forest.BENCHMARK, mutual_information.PLUG_IN], ids=["RandomForest", "plug-in"]
)
def test_published_settings_put_noise_of_many_values_first(method):
    """What the defaults mend: these presets reproduce it on purpose."""
    assert method.select(unbalanced(), DeepFM(), seed=0).ranking == ("noise", "good")


def test_published_lasso_ranks_by_scale():
    """The same values under larger ids weigh less; for the default they weigh the same."""
    draw = np.random.default_rng(0)
    value = 1 + draw.integers(8, size=2000)
    table = ClickTable.from_arrays(
        "scaled",
        {"small": value, "large": 1000 * value},
        label=draw.random(2000) < value / 9,
        part=draw.choice(3, size=2000, p=[0.7, 0.2, 0.1]),
    )
    for field, less in (("small", False), ("large", True)):
        (score,) = lasso.BENCHMARK.select(table.only([field]), DeepFM(), seed=0).scores
        assert (score < 1e-3) == less
    small, large = (
        select.Lasso().select(table.only([field]), DeepFM(), seed=0).scores[0]
        for field in ("small", "large")
    )
    assert small == pytest.approx(large, rel=1e-9) and small > 0.1


def test_published_permutation_is_scored_on_what_the_forest_memorised():
    """Half of the table is noise; in sample the forest seems to lose much without it."""
    (noise, _), (mended, _) = (
        method.select(unbalanced(), DeepFM(), seed=0).scores
        for method in (permutation.BENCHMARK, select.Permutation())
    )
    assert noise > 0.1 and mended < 0.03


@pytest.mark.parametrize("method", [gbdt.BENCHMARK, xgboost.BENCHMARK], ids=name)
def test_boosted_trees_see_through_noise_on_raw_ids_too(method):
    assert method.select(unbalanced(), DeepFM(), seed=0).ranking == ("good", "noise")


def test_copies_of_a_field_divide_the_weight_of_lasso_and_of_no_statistic():
    table = unbalanced()
    twice = ClickTable.from_arrays(
        "twice",
        {"good": table.columns[1], "copy": table.columns[1]},
        label=table.label,
        part=table.part,
    )
    for method in (select.ChiSquared(), select.MutualInformation(), select.SingleFieldAUC()):
        good, copy = method.select(twice, DeepFM(), seed=0).scores
        assert good == copy
    assert min(select.Lasso().select(twice, DeepFM(), seed=0).scores) < 0.01


def test_statistics_of_single_fields_are_blind_to_what_matters_in_pairs():
    draw = np.random.default_rng(0)
    one, other = draw.integers(1, 3, size=4000), draw.integers(1, 3, size=4000)
    table = ClickTable.from_arrays(
        "exclusive or",
        {"one": one, "other": other, "noise": draw.integers(1, 3, size=4000)},
        label=(one == other).astype(int),
        part=draw.choice(3, size=4000, p=[0.7, 0.2, 0.1]),
    )
    assert abs(select.ChiSquared().select(table, DeepFM(), 0).scores).max() < 0.006
    assert abs(select.MutualInformation().select(table, DeepFM(), 0).scores).max() < 0.003
    assert abs(select.SingleFieldAUC().select(table, DeepFM(), 0).scores - 0.5).max() < 0.06


@pytest.mark.parametrize("values", [2, 30, 2000])
def test_scores_of_noise_do_not_grow_with_its_values(values):
    draw = np.random.default_rng(values)
    tables = [
        counts(draw.integers(values, size=4000), draw.integers(2, size=4000)) for _ in range(20)
    ]
    assert abs(np.mean([association(table) for table in tables])) < 4e-3
    assert abs(np.mean([information(table) for table in tables])) < 2e-3


def test_plug_in_information_is_the_textbook_one():
    draw = np.random.default_rng(0)
    values, label = draw.integers(9, size=500), draw.integers(2, size=500)
    assert information(counts(values, label), adjusted=False) == pytest.approx(
        mutual_info_score(values, label)
    )


def test_a_field_of_one_value_scores_nothing():
    assert association(np.array([[3, 4]])) == information(np.array([[3, 4]])) == 0.0


def test_random_orders_differ_by_seed_and_all_fields_rank_nothing(planted):
    orders = {
        select.RandomOrder().select(planted.table, DeepFM(), seed).ranking for seed in range(5)
    }
    assert len(orders) == 5
    everything = select.AllFields()
    assert (
        np.ptp(everything.select(planted.table, DeepFM(), 0).scores) == 0 and not everything.ranks
    )
    assert {select.AllFields.family, select.RandomOrder.family} == {Family.REFERENCE}


def test_a_limit_on_rows_is_kept(monkeypatch):
    table, seen = unbalanced(), []
    monkeypatch.setattr(
        lasso, "lasso_weights", lambda x, y, *_: seen.append(x.shape) or np.zeros(2)
    )
    select.Lasso(max_rows=500).select(table, DeepFM(), seed=0)
    assert seen == [(500, 2)]
