"""A command killed at any moment leaves the old run or the whole new one."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from graphforget.trained import Trained
from tests.commands.conftest import QUICK, contents, graph_file

# Kills its own process at the n-th file that is forced to the disk or renamed.
DIE = textwrap.dedent("""
    import os, signal, sys
    left = int(sys.argv[1])
    def dying(call):
        def counted(*arguments, **named):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)
        return counted
    os.fsync, os.rename, os.replace = dying(os.fsync), dying(os.rename), dying(os.replace)
    from graphforget.cli import main
    sys.exit(main(sys.argv[2:]))
""")


def killed(moment: int, *words: object) -> int:
    command = [sys.executable, "-c", DIE, str(moment), *map(str, words)]
    return subprocess.run(command, capture_output=True, timeout=120).returncode


@pytest.mark.slow
@pytest.mark.parametrize("moment", [1, 9, 18])
def test_forget_leaves_no_run_or_a_whole_one(node_run, tmp_path, moment):
    before, out = contents(node_run), tmp_path / "out"
    code = killed(moment, "forget", node_run, "--sample", "nodes:3", "--method", "Resume",
                  "--out", out)
    assert contents(node_run) == before
    assert code in (-signal.SIGKILL, 0)
    if out.exists():
        assert len(Trained.load(out).history) == 1
        assert (out / "request.json").exists() and (out / "metrics.json").exists()
    else:
        assert code == -signal.SIGKILL


@pytest.mark.slow
def test_replace_leaves_the_old_run_or_the_new_one(tell, tmp_path):
    run, graph = tmp_path / "run", graph_file(tmp_path)
    words = ["train", "--data", graph, *QUICK, "--out", run]
    assert tell(*words, "--seed", 1).code == 0
    seeds = set()
    for moment in (1, 12, 16, 20, 24):
        killed(moment, *words, "--seed", 2, "--replace")
        seeds.add(Trained.load(run).seed)
    assert seeds <= {1, 2} and 1 in seeds


@pytest.mark.slow
def test_a_kill_from_outside_while_training(tmp_path):
    run = tmp_path / "run"
    words = ["train", "--data", "digits", "--learner.epochs", "100000", "--out", str(run)]
    process = subprocess.Popen([sys.executable, "-m", "graphforget", *words])
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=15)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not run.exists() and list(tmp_path.iterdir()) == []
