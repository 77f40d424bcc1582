"""Exact forgetting as a benchmark: systems share stages, and figures mean what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments.cache import Cache
from experiments.exact_run import ExactRun
from experiments.graph_exact import BENCHMARK, beginnings
from experiments.run import dry_run
from experiments.settings import Nodes
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.plan import Plan

RUN = ExactRun(
    "tiny", "digits", Nodes(), "chains", Plan.chains(2, 2, 1),
    StackedStages(2, hidden=8, rank=2, epochs=5), deletions=(0, 4), streams=1, repairs=(4,),
)


def test_systems_share_the_stages_that_are_the_same():
    cache = Cache()
    one = RUN.carry_out(cache, None)["metrics"]
    two = replace(RUN, plan=Plan.chains(2, 2, 2)).carry_out(cache, None)["metrics"]
    assert one["trained_stages"] == one["stages"] == 4
    assert two["trained_stages"] == 4 and two["stages"] == 8
    assert one["accuracy_0"] == two["accuracy_0"]
    assert one["kept_0"] == 1.0 and one["alive_0"] == 2.0
    assert one["kept_4"] <= two["kept_4"] < 1.0
    assert two["repaired_accuracy_4"] == one["repaired_accuracy_4"]


def test_the_same_run_gives_the_same_figures():
    first, second = (RUN.carry_out(Cache(), None)["metrics"] for _ in range(2))
    first.pop("cpu_seconds"), second.pop("cpu_seconds")
    assert first == second


def test_sisa_keeps_the_beginnings_of_one_order():
    assert beginnings(3) == ((0, 1, 2), (0, 1), (0,))


def test_the_small_benchmark_can_be_built():
    assert dry_run(BENCHMARK.runs("smoke")) == 4


def test_all_systems_fit_their_plans(data_root):
    assert dry_run(BENCHMARK.runs("full"), str(data_root)) > 50


@pytest.mark.parametrize("size", BENCHMARK.sizes)
def test_titles_are_unique(size):
    runs = list(BENCHMARK.runs(size))
    assert len({run.key for run in runs}) == len(runs)
