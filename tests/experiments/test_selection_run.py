"""The feature-selection board as a benchmark: every selector is in it, and its runs work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments.benchmark import key_of
from experiments.cache import Cache
from experiments.recsys_selection import BENCHMARK
from experiments.selection_run import SelectionRun
from experiments.work import run_one
from graphforget.core.config import from_config
from graphforget.core.errors import UserError
from graphforget.core.record import Record
from recsys import select
from recsys.board.trial import Trial
from recsys.learn import ClickTraining
from recsys.select import Selector


def test_every_selector_is_asked_on_every_table_and_backbone():
    runs = list(BENCHMARK.runs("full"))
    exported = {name for name in select.__all__
                if issubclass(getattr(select, name), Selector) and name != "Selector"}
    problems = {(run.dataset, type(run.question.backbone).__name__) for run in runs}
    assert len(problems) == 4
    for problem in problems:
        asked = {run.question.title for run in runs
                 if (run.dataset, type(run.question.backbone).__name__) == problem}
        assert exported <= asked
    assert len({run.key for run in runs}) == len(runs)


def test_random_orders_outnumber_the_seeds():
    runs = list(BENCHMARK.runs("full"))
    seeds = {title: {run.question.seed for run in runs if run.question.title == title}
             for title in ("RandomOrder", "SHARK")}
    assert seeds["SHARK"] == {0, 1, 2} < seeds["RandomOrder"]


def test_networks_of_searches_are_trained_as_those_of_the_curve():
    run = next(run for run in BENCHMARK.runs("full") if run.question.title == "SHARK")
    assert run.question.selector.training == run.question.training != ClickTraining()


def test_a_run_can_be_built_again_from_its_record():
    titles = {run.question.title: run for run in BENCHMARK.runs("full")}
    for run in titles.values():
        record = Record.from_line(Record(**run.asked).to_line())
        assert key_of(record) == run.key
        for name in ("selector", "backbone", "training", "bootstrap"):
            assert from_config(record.config[name]) == getattr(run.question, name)


def test_a_run_leaves_a_trial_and_a_failure_says_why():
    run = next(BENCHMARK.runs("smoke"))
    record = run_one(run, cache := Cache())
    assert record.status == "ok", record.error
    assert key_of(record) == run.key
    trial = Trial(Record.from_line(record.to_line()))
    assert trial.curve.grid == (1, 2, 4, 8) and len(trial.ranking) == 8
    too_many = SelectionRun("tests", "planted", replace(run.question, grid=(9,)))
    with pytest.raises(UserError, match="the table has 8 fields, got k = 9"):
        too_many.check(cache, None)
    failed = run_one(too_many, cache)
    assert failed.status == "failed" and "got k = 9" in failed.error
