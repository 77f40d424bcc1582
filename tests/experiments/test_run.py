"""One record a run, whatever happens to it; the same records from every pool."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.benchmark import key_of
from experiments.cache import Cache
from experiments.forget_run import ForgetGrid
from experiments.run import dry_run, groups, run_all, unfinished
from experiments.work import Worker, run_one
from graphforget.core.errors import UserError
from graphforget.core.pool import LocalPool, Pool, RayPool
from graphforget.core.record import read_records
from graphforget.protocols import Unlearner
from graphforget.unlearn import Resume, Unlink

MEASURED = ("seconds", "oracle_seconds", "peak_mb", "started_at", "versions")


@dataclass(frozen=True)
class Unwilling(Unlearner):
    def supports(self, trained, request):
        return "it is Sunday; come again tomorrow"

    def forget(self, trained, request, seed):
        raise AssertionError("it refused")


@dataclass(frozen=True)
class Clumsy(Unlearner):
    def forget(self, trained, request, seed):
        raise RuntimeError("dropped\nit")


@dataclass(frozen=True)
class Sleeping(Unlearner):
    def forget(self, trained, request, seed):
        time.sleep(0.3)
        return trained.after(trained.model, request, self, seed)


def _plain(record):
    """What must not depend on where and when a run was carried out."""
    timed = {"cpu_seconds"}
    found = {name: {k: v for k, v in getattr(record, name).items() if k not in timed}
             for name in ("metrics", "oracle")}
    return replace(record, **found, **dict.fromkeys(MEASURED))


def test_each_run_leaves_one_record_with_scores_of_both_models(tiny_benchmark, tmp_path):
    runs = list(tiny_benchmark.runs("smoke"))
    ended = run_all(runs, LocalPool(), tmp_path / "r.jsonl")
    records = read_records(tmp_path / "r.jsonl")
    assert ended == {"ok": 6} and len(records) == 6
    assert {key_of(record) for record in records} == {run.key for run in runs}
    for record in records:
        assert record.request["kind"] in ("node", "edge") and record.request["size"] > 0
        assert record.metrics.keys() == {*record.oracle, "passed"}  # nobody judges the oracle
        assert record.oracle["distance_forgotten"] > 0  # retrained models differ from each other
        assert record.seconds > 0 and record.oracle_seconds > 0 and record.peak_mb >= 0
    assert {"test_accuracy", "rho_forgotten"} <= records[0].metrics.keys()
    assert {"test_auc", "forget_auc"} <= records[-1].metrics.keys()


def test_what_has_a_record_is_not_run_again(tiny_benchmark, tmp_path):
    out, runs = tmp_path / "r.jsonl", list(tiny_benchmark.runs("smoke"))
    run_all(unfinished(runs, out)[:2], LocalPool(), out)
    rest = unfinished(runs, out)
    assert rest == runs[2:]
    with open(out, "a") as file:
        file.write('{"benchmark": "ti')  # what a killed writer leaves
    with pytest.warns(UserWarning, match="cut short"):
        assert unfinished(runs, out) == runs[2:]
    run_all(rest[:1], LocalPool(), out)
    with pytest.warns(UserWarning, match="cut short"):
        assert unfinished(runs, out) == runs[3:] and len(read_records(out)) == 3


def test_refusals_and_failures_are_records_and_the_others_go_on(tiny_benchmark, tmp_path):
    grid = replace(tiny_benchmark.sizes["smoke"][0], unlearners=(Unwilling(), Clumsy(), Unlink()))
    runs, out = list(grid.runs("tiny")), tmp_path / "r.jsonl"
    assert run_all(runs, LocalPool(), out) == {"refused": 1, "failed": 1, "ok": 1}
    refused, failed, _ = read_records(out)
    assert refused.status == "refused" and "it is Sunday" in refused.error
    assert failed.status == "failed" and failed.error == "RuntimeError: dropped it"
    assert unfinished(runs, out) == []
    assert unfinished(runs, out, retry=True) == [runs[1]]


def test_a_lost_worker_leaves_failed_records(tiny_benchmark, tmp_path):
    class Losing(Pool):
        def map(self, fn, items):
            for item in items:
                yield item, OSError("the worker is gone")

    runs, out = list(tiny_benchmark.runs("smoke")), tmp_path / "r.jsonl"
    assert run_all(runs, Losing(), out) == {"failed": 6}
    assert unfinished(runs, out, retry=True) == runs


def test_only_forgetting_is_timed(tiny_benchmark):
    run = replace(next(tiny_benchmark.runs("smoke")), unlearner=Sleeping())
    record = run_one(run, Cache())
    assert record.status == "ok" and 0.3 <= record.seconds < 0.5
    assert record.metrics["cpu_seconds"] < 0.2


def test_models_are_trained_once_for_all_runs_that_share_them(tiny_benchmark, monkeypatch):
    grid = replace(tiny_benchmark.sizes["smoke"][0], unlearners=(Unlink(), Resume()))
    fits, fit = [], type(grid.learner).fit
    monkeypatch.setattr(type(grid.learner), "fit",
                        lambda self, *args: fits.append(1) or fit(self, *args))
    records = Worker()(tuple(grid.runs("tiny")))
    assert [record.status for record in records] == ["ok", "ok"]
    assert len(fits) == 3  # an original, a retrained model and a second one


def test_a_cache_keeps_so_many_things_and_travels_empty():
    cache = Cache(size=2)
    for key in "abac":
        cache.get(key, lambda key=key: key.upper())
    assert cache.get("a", lambda: "kept, as it was asked for last") == "A"
    assert cache.get("b", lambda: "made again") == "made again"
    assert pickle.loads(pickle.dumps(cache)).get("a", lambda: "new") == "new"


def test_runs_that_share_models_go_together_a_few_at_a_time(tiny_benchmark):
    runs = list(tiny_benchmark.runs("smoke"))
    assert [len(group) for group in groups(runs)] == [3, 3]
    assert [len(group) for group in groups(runs, at_most=2)] == [2, 1, 2, 1]
    assert [run for group in groups(runs, 2) for run in group] == runs


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"datasets": ("nowhere",)}, "unknown graph 'nowhere'"),
        ({"requests": ("nodes:lots",)}, "wanted an amount"),
        ({"requests": ("class:12",)}, "no node has label 12"),
        ({"requests": ("nodes:1000000:memorised",)}, "cannot sample 1000000"),
    ],
)
def test_a_dry_run_finds_what_cannot_be_built(tiny_benchmark, change, reason):
    grid: ForgetGrid = replace(tiny_benchmark.sizes["smoke"][0], **change)
    assert dry_run(tiny_benchmark.runs("smoke")) == 2
    with pytest.raises(UserError, match=reason):
        dry_run([*tiny_benchmark.runs("smoke"), *grid.runs("tiny")])


def test_the_command_line_lists_runs_and_says_what_is_wrong(tmp_path, capsys):
    assert main(["list"]) == 0
    assert "graph_unlearning: " in capsys.readouterr().out
    out = str(tmp_path / "r.jsonl")
    assert main(["run", "graph_unlearning", "--out", out, "--limit", "1", "--no-dry-run"]) == 0
    assert "1 ok" in capsys.readouterr().out and len(read_records(out)) == 1
    for wrong in (["nothing"], ["graph_unlearning", "--size", "huge"],
                  ["graph_unlearning", "--limit", "0"]):
        assert main(["run", *wrong, "--out", out]) == 2
        assert capsys.readouterr().err.startswith("experiments: error: ")
    assert main(["run", "graph_unlearning", "--out", str(tmp_path)]) == 2  # a folder
    assert str(tmp_path) in capsys.readouterr().err
    assert len(read_records(out)) == 1


@pytest.mark.slow
def test_a_killed_command_leaves_whole_records_and_goes_on(tmp_path):
    out = tmp_path / "r.jsonl"
    command = [sys.executable, "-m", "experiments", "run", "graph_unlearning", "--no-dry-run"]
    command += ["--limit", "12", "--out", str(out)]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not out.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = read_records(out)
    assert 0 < len(kept) < 12
    command[command.index("12")] = str(12 - len(kept))
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    assert len({key_of(record) for record in read_records(out)}) == 12


@pytest.mark.slow
@pytest.mark.ray
def test_ray_and_the_local_pool_give_equal_records(tiny_benchmark, tmp_path):
    runs = list(tiny_benchmark.runs("smoke"))
    with RayPool(num_cpus=2) as pool:
        run_all(runs, pool, tmp_path / "ray.jsonl")
    run_all(runs, LocalPool(), tmp_path / "local.jsonl")
    there, here = (
        sorted(map(_plain, read_records(tmp_path / name)), key=key_of)
        for name in ("ray.jsonl", "local.jsonl")
    )
    assert len(here) == 6
    for one, other in zip(here, there, strict=True):
        for name in ("metrics", "oracle"):
            ours, theirs = getattr(one, name), getattr(other, name)
            assert ours.keys() == theirs.keys()
            assert all(a == theirs[k] or math.isnan(a) and math.isnan(theirs[k])
                       for k, a in ours.items())
        assert replace(one, metrics={}, oracle={}) == replace(other, metrics={}, oracle={})
