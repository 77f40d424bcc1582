"""Runs know what they ask for, and a record is recognised as theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from experiments.benchmark import benchmarks, find, key_of
from experiments.graph_unlearning import BENCHMARK
from experiments.methods import at_budget, exported, label, with_budgets
from experiments.settings import Links, Nodes
from graphforget import unlearn
from graphforget.core.config import from_config
from graphforget.core.errors import UserError
from graphforget.core.record import Record
from graphforget.data import load_graph
from graphforget.unlearn import D2DGN, SCRUB, GNNDelete, Resume, Rewind, Unlink


def test_a_record_has_the_key_of_its_run_whatever_came_of_it(tiny_benchmark):
    run = next(tiny_benchmark.runs("smoke"))
    done = Record(**run.asked, seconds=1.0)
    drawn = replace(done, status="failed", request={**run.asked["request"], "digest": "ab"})
    assert run.key == key_of(done) == key_of(drawn) == key_of(Record.from_line(drawn.to_line()))


def test_every_choice_changes_the_key():
    runs = list(BENCHMARK.runs("full"))
    assert len({run.key for run in runs}) == len(runs) > 1000


def test_a_run_can_be_built_again_from_its_record():
    for run in BENCHMARK.runs("smoke"):
        config = Record.from_line(Record(**run.asked).to_line()).config
        assert from_config(config["unlearner"]) == run.unlearner
        assert from_config(config["learner"]) == run.learner
        assert from_config(config["setting"]) == run.setting


@pytest.mark.parametrize("size", ["smoke", "full"])
def test_graph_unlearning_asks_every_exported_method_about_every_kind(size):
    runs = list(BENCHMARK.runs(size))
    there = {type(run.unlearner).__name__ for run in runs}
    assert there == {type(method).__name__ for method in exported()} == set(unlearn.__all__)
    asked = " ".join({run.request for run in runs})
    for word in ("edges", "nodes", "features", "class", "out", "bridge", "hub", "memorised"):
        assert word in asked
    assert {run.setting.name for run in runs} == {"node", "link"}


def test_benchmarks_are_found_by_their_files():
    assert benchmarks()["graph_unlearning"] is BENCHMARK
    assert find("graph_unlearning") is BENCHMARK
    with pytest.raises(UserError, match="no benchmark 'nothing'; there are .*, graph_unlearning"):
        find("nothing")
    with pytest.raises(UserError, match="no size 'huge'; there are smoke, full"):
        list(BENCHMARK.runs("huge"))


def test_budgets_are_said_in_the_words_of_each_method():
    assert at_budget(Resume(), 0.05, 200) == Resume(share=0.05)
    assert at_budget(GNNDelete(), 0.05, 200) == GNNDelete(steps=10)
    assert at_budget(SCRUB(), 0.02, 200) == SCRUB(rounds=2, max_rounds=2)
    assert at_budget(Unlink(), 0.05, 200) == Unlink()
    assert at_budget(D2DGN(), 0.02, 200) != D2DGN() != at_budget(D2DGN(), 0.4, 2000)
    assert with_budgets([Resume(), Unlink()], [0.05, 0.1], 200) == (
        Resume(), Resume(share=0.05), Unlink(),
    )


def test_node_features_sum_to_one_unless_told_otherwise():
    graph = load_graph("digits")
    for setting in (Nodes, Links):
        data, _ = setting().prepare(graph, 0)
        assert torch.allclose(data.x.sum(1), torch.ones(len(data.x)))
        raw, _ = setting(normalise=False).prepare(graph, 0)
        assert torch.equal(raw.x, graph.x)
    assert graph.x.sum(1).max() > 2  # the graph given is as it was


def test_every_method_has_a_label_of_its_own():
    methods = with_budgets(exported(), (0.02, 0.05), 200)
    assert len({label(method) for method in methods}) == len(methods)
    assert label(Rewind(share=0.5)) == "Rewind share=0.5"
