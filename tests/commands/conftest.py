"""A tiny graph file, runs made from it, and a way to give commands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphforget.cli import main
from tests.conftest import planted_partition

QUICK = ("--learner.epochs", "10", "--learner.encoder.hidden", "8")


@dataclass(frozen=True)
class Told:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def graph_file(folder: Path) -> Path:
    data = planted_partition()
    path = folder / "graph.npz"
    np.savez(path, edge_index=data.edge_index.numpy(), x=data.x.numpy(), y=data.y.numpy())
    return path


@pytest.fixture
def tell(capsys):
    """Give a command in this process; a parser that prints and leaves counts as well."""

    def give(*words: object) -> Told:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as left:
            code = int(left.code or 0)
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    return give


@pytest.fixture(scope="session")
def node_run(tmp_path_factory) -> Path:
    """A run that classifies nodes; tests only read it."""
    folder = tmp_path_factory.mktemp("node")
    graph = graph_file(folder)
    assert main(["train", "--data", str(graph), *QUICK, "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(scope="session")
def link_run(tmp_path_factory) -> Path:
    """A run that predicts links; tests only read it."""
    folder = tmp_path_factory.mktemp("link")
    graph = graph_file(folder)
    words = ["train", "--data", str(graph), "--task", "link", *QUICK]
    assert main([*words, "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def refused(tell, tmp_path):
    """Give a command that must be refused: exit code 2, one line, nothing written or changed."""

    def give(*words: object) -> str:
        before = contents(tmp_path)
        told = tell(*words)
        assert told.code == 2, told.err
        assert told.out == ""
        assert told.err.startswith("graphforget: error: ")
        assert told.err.count("\n") == 1 and told.err.endswith("\n")
        assert contents(tmp_path) == before
        return told.err

    return give


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
