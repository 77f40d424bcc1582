"""Every learner of a cell sees the same wrong labels, and none sees a right one in their place."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from experiments.cache import Cache
from experiments.graph_label_noise import BENCHMARK, CONSTANTS, own_constants
from experiments.noise_draws import Fresh, Kept
from experiments.noise_run import NoiseGrid, NoiseRun
from experiments.run import dry_run, run_all
from experiments.settings import PublicNodes
from graphforget.core.errors import UserError
from graphforget.core.pool import LocalPool
from graphforget.core.record import read_records
from graphforget.data import load_graph
from graphforget.data.noise import Asymmetric, Symmetric
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN

ROOT = Path(os.environ.get("GRAPHFORGET_DATA", "../shared/data"))
SETTING = PublicNodes(per_class=8, val=200)
SEEN: list[torch.Tensor] = []


@dataclass(frozen=True)
class Looking(CrossEntropy):
    """Remembers the labels that it was given."""

    def fit(self, data, task, seed):
        SEEN.append(data.y.clone())
        return super().fit(data, task, seed)


QUICK = Looking(encoder=GCN(hidden=8), epochs=5, best=True, snapshots=())


def run(**change) -> NoiseRun:
    return replace(
        NoiseRun("tiny", "digits", SETTING, Asymmetric(0.4), Fresh(), QUICK, seed=3), **change
    )


def test_a_learner_gets_wrong_training_and_validation_labels_and_right_test_labels():
    SEEN.clear()
    metrics = run().carry_out(Cache(), None)["metrics"]
    clean, _ = SETTING.prepare(load_graph("digits"), 3)
    wrong = SEEN[0] != clean.y
    assert not wrong[clean.test_mask].any()
    for part in (clean.train_mask, clean.val_mask):
        assert 0.25 < wrong[part].float().mean() < 0.55
    assert metrics["given_labels_right"] == pytest.approx(
        1 - float(wrong[clean.train_mask].float().mean())
    )
    assert 0 <= metrics["corrected_labels_right"] <= 1


def test_validation_labels_stay_right_on_demand():
    SEEN.clear()
    run(draws=Fresh(validation=False)).carry_out(Cache(), None)
    clean, _ = SETTING.prepare(load_graph("digits"), 3)
    wrong = SEEN[0] != clean.y
    assert wrong[clean.train_mask].any() and not wrong[clean.val_mask].any()


def test_learners_of_a_cell_share_the_draw_and_seeds_do_not():
    SEEN.clear()
    for change in ({}, {"learner": replace(QUICK, epochs=2)}, {"seed": 4}):
        run(**change).carry_out(Cache(), None)
    assert torch.equal(SEEN[0], SEEN[1]) and not torch.equal(SEEN[0], SEEN[2])


def test_the_best_and_the_last_epoch_are_both_scored():
    long = replace(QUICK, encoder=GCN(hidden=32), epochs=150, learning_rate=0.05, weight_decay=0.0)
    given = run(learner=long)
    metrics = given.carry_out(Cache(), None)["metrics"]
    assert metrics["last_epoch"] == 150
    assert metrics["test_accuracy"] != metrics["last_test_accuracy"]
    plain = run(learner=replace(QUICK, best=False)).carry_out(Cache(), None)["metrics"]
    assert plain["last_epoch"] == QUICK.epochs
    assert plain["test_accuracy"] == plain["last_test_accuracy"]


def test_records_are_written_once_and_name_everything(tmp_path):
    grid = NoiseGrid(
        ("digits",), (Asymmetric(0.3), Symmetric(0.3)), {"": (QUICK,)}, SETTING, seeds=(0, 1)
    )
    runs = list(grid.runs("tiny"))
    assert dry_run(runs) == 2 and len({each.key for each in runs}) == 4
    assert run_all(runs, LocalPool(), tmp_path / "r.jsonl") == {"ok": 4}
    records = read_records(tmp_path / "r.jsonl")
    assert {record.config["noise"]["class"].rpartition(".")[2] for record in records} == {
        "Asymmetric", "Symmetric"
    }


def test_every_public_graph_has_its_constants_and_both_settings_of_erase():
    named = {each.dataset for each in BENCHMARK.runs("full")}
    assert named == set(CONSTANTS)
    for dataset, (gamma2, eps, beta, steps) in CONSTANTS.items():
        semantic, *both = own_constants(dataset)
        for learner in both:
            assert (learner.coding.gamma2, learner.coding.eps) == (gamma2, eps)
        for labels in (semantic.labels, both[0].labels):
            assert (labels.beta, labels.steps) == (beta, steps)


def test_all_runs_of_the_full_benchmark_differ():
    runs = list(BENCHMARK.runs("full"))
    assert len({each.key for each in runs}) == len(runs) > 3000


def test_kept_draws_are_those_of_the_file_or_refused():
    if not (ROOT / "graph" / "noisy_labels" / "Cora.npz").exists():
        pytest.skip("needs the kept draws in GRAPHFORGET_DATA")
    clean, _ = PublicNodes().prepare(load_graph("cora", ROOT), 123)
    rates = []
    for seed in (123, 223, 323):
        noisy = Kept().noisy(clean, "cora", Asymmetric(0.3), seed, str(ROOT))
        wrong = noisy.y != clean.y
        assert not wrong[clean.test_mask].any() and wrong[clean.val_mask].any()
        rates.append(float(wrong[clean.train_mask].float().mean()))
    assert sum(rates) / 3 == pytest.approx(0.29, abs=0.005)  # erase_graph.md 5.2
    with pytest.raises(UserError, match="no kept draw"):
        Kept().noisy(clean, "cora", Asymmetric(0.3), 1, str(ROOT))


def test_graphs_without_kept_draws_say_so():
    data, _ = SETTING.prepare(load_graph("digits"), 0)
    with pytest.raises(UserError, match="draws were kept for cora, citeseer only"):
        Kept().noisy(data, "digits", Asymmetric(0.3), 123, None)
    with pytest.raises(UserError, match="no kept draws below the data folder"):
        Kept().noisy(data, "cora", Asymmetric(0.3), 123, "/nowhere")
