"""A small click log as a file, and a way to give commands to `recsys`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recsys.cli import main
from recsys.table import planted_table
from tests.commands.conftest import Told, contents

QUICK = (
    "--training.epochs", 2, "--training.batch_size", 128, "--training.learning_rate", 0.02,
    "--training.width", 4,
)
"""A training that takes no time."""


@pytest.fixture(scope="session")
def clicks(tmp_path_factory) -> Path:
    """A CSV file with two relevant fields, one redundant and one irrelevant; do not write to it."""
    planted = planted_table(300, relevant=2, redundant=1, irrelevant=1, seed=0)
    names = [field.name for field in planted.table.fields]
    ids = planted.table.take(np.arange(planted.table.num_rows)).numpy()
    table = pd.DataFrame({name: [f"v{i}" for i in ids[:, n]] for n, name in enumerate(names)})
    table["label"] = planted.table.label
    path = tmp_path_factory.mktemp("clicks") / "shop.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Tables are built into a folder of the test session."""
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path_factory.getbasetemp() / "tables"))


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


@pytest.fixture
def refused(tell, tmp_path):
    """Give a command that must be refused: exit code 2, one line, nothing written or changed."""

    def give(*words: object) -> str:
        before = contents(tmp_path)
        told = tell(*words)
        assert told.code == 2, told.err
        assert told.out == ""
        assert told.err.startswith("recsys: error: ")
        assert told.err.count("\n") == 1 and told.err.endswith("\n")
        assert contents(tmp_path) == before
        return told.err

    return give
