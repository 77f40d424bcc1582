from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.core.files import (
    append_line,
    folder_atomically,
    sha256_of_tensors,
    write_atomically,
)

KILLED = """
import os, signal, sys
from pathlib import Path
import graphforget.core.files as files
path, step = Path(sys.argv[1]), sys.argv[2]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if step == "sync":
    files._sync = die
elif step == "swap":
    files._swap = die
elif step == "fsync":
    os.fsync = die
if path.name == "file":
    files.write_atomically(path, "new")
else:
    with files.folder_atomically(path, replace=True) as folder:
        (folder / "a").write_text("new")
        if step == "inside":
            die()
        (folder / "b").write_text("new")
"""


def killed(path: Path, step: str) -> None:
    """Write at `path` in a process that is killed at a step."""
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), step],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("step", ["inside", "sync", "swap"])
def test_a_killed_writer_leaves_the_old_folder(tmp_path, step) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "old").write_text("old")
    killed(run, step)
    assert [file.name for file in run.iterdir()] == ["old"]


@pytest.mark.slow
def test_a_killed_writer_leaves_the_old_file(tmp_path) -> None:
    (tmp_path / "file").write_text("old")
    killed(tmp_path / "file", "fsync")
    assert (tmp_path / "file").read_text() == "old"


def test_a_folder_is_there_at_every_moment_of_its_replacement(tmp_path) -> None:
    run, over, looks = tmp_path / "run", threading.Event(), []
    with folder_atomically(run):
        pass

    def watch() -> None:
        while not over.is_set():
            looks.append(run.is_dir())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(30):
        with folder_atomically(run, replace=True) as folder:
            (folder / "a").write_text("1")
    over.set()
    watcher.join()
    assert looks and all(looks)


def test_an_error_leaves_nothing_behind(tmp_path) -> None:
    with pytest.raises(KeyError), folder_atomically(tmp_path / "run") as folder:
        (folder / "a").write_text("half")
        raise KeyError
    with pytest.raises(UnicodeEncodeError):
        write_atomically(tmp_path / "file", "\ud800")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_target_is_refused_before_any_work(tmp_path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="exists"), folder_atomically(tmp_path):
        raise AssertionError("must not begin")
    with pytest.raises(UserError, match="file"), folder_atomically(tmp_path / "file", replace=True):
        raise AssertionError("must not begin")


def test_who_comes_second_is_refused_and_the_first_is_kept(tmp_path) -> None:
    run = tmp_path / "run"
    with pytest.raises(UserError), folder_atomically(run) as slow:
        (slow / "a").write_text("slow")
        with folder_atomically(run) as fast:
            (fast / "a").write_text("fast")
    assert (run / "a").read_text() == "fast"
    assert list(tmp_path.iterdir()) == [run]


def test_replacing_swaps_all_and_cleans_up(tmp_path) -> None:
    for text in ("one", "two"):
        with folder_atomically(tmp_path / "run", replace=True) as folder:
            (folder / text).write_text(text)
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["two"]
    assert list(tmp_path.iterdir()) == [tmp_path / "run"]


def test_replacing_works_without_the_system_call(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "other")
    test_replacing_swaps_all_and_cleans_up(tmp_path)


def test_lines_written_at_the_same_time_do_not_mix(tmp_path) -> None:
    path = tmp_path / "lines"
    writers = [
        threading.Thread(target=lambda n=n: [append_line(path, str(n) * 500) for _ in range(20)])
        for n in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 80 and {line for line in lines} == {str(n) * 500 for n in range(4)}


def test_a_torn_line_does_not_spoil_the_next(tmp_path) -> None:
    path = tmp_path / "lines"
    path.write_text("whole\nto")
    append_line(path, "next")
    assert path.read_text() == "whole\nto\nnext\n"
    with pytest.raises(UserError, match="line break"):
        append_line(path, "two\nlines")


def test_the_digest_sees_names_types_shapes_and_values() -> None:
    base = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor(True)}
    others = [
        {"c": base["a"], "b": base["b"]},
        {"a": base["a"].double(), "b": base["b"]},
        {"a": base["a"].reshape(1, 2), "b": base["b"]},
        {"a": torch.tensor([1.0, 2.5]), "b": base["b"]},
        {"a": base["a"], "b": torch.tensor(False)},
        {"a": torch.empty(0), "b": base["b"]},
    ]
    digests = {sha256_of_tensors(tensors) for tensors in [base, *others]}
    assert len(digests) == 7
    strided = {"a": torch.tensor([[1.0, 0.0], [2.0, 0.0]])[:, 0], "b": base["b"]}
    assert sha256_of_tensors(strided) == sha256_of_tensors(base)
    assert sha256_of_tensors({"h": torch.ones(2, dtype=torch.bfloat16)})
