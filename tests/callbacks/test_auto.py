"""The entry point, seen from a process that knows nothing of this package."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from graphforget.callbacks import auto

# A distribution on the path with the entry points of setup.cfg, so that the test does not depend
# on how the package under test was installed; it hides an installed one of the same name.
ENTRY_POINTS = """
[pytorch_lightning.callbacks_factory]
graphforget = graphforget.callbacks.auto:callbacks
[lightning.pytorch.callbacks_factory]
graphforget = graphforget.callbacks.auto:callbacks
"""
SCRIPT = """
import os, sys
import {package} as pl
def names():
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False,
                         enable_progress_bar=False, enable_model_summary=False)
    return [type(callback).__name__ for callback in trainer.callbacks]
print(names())
print("graphforget.callbacks.auto" in sys.modules, "torch_geometric" in sys.modules)
os.environ["GRAPHFORGET_AUTO"] = "1"
print(names())
"""


@pytest.mark.slow
@pytest.mark.parametrize("package", ["pytorch_lightning", "lightning.pytorch"])
def test_a_trainer_gets_callbacks_only_when_asked(package, tmp_path):
    installed = tmp_path / "graphforget-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: graphforget\nVersion: 1")
    (installed / "entry_points.txt").write_text(ENTRY_POINTS)
    root = Path(auto.__file__).parents[2]
    environment = {k: v for k, v in os.environ.items() if k != "GRAPHFORGET_AUTO"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(package=package)],
        env={**environment, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    before, imported, after = done.stdout.splitlines()
    assert (before, imported) == ("[]", "True False")
    assert after.count("RecordCallback") == 1


def test_the_factory_names_the_file(monkeypatch, tmp_path):
    monkeypatch.delenv("GRAPHFORGET_AUTO", raising=False)
    assert auto.callbacks() == []
    monkeypatch.setenv("GRAPHFORGET_AUTO", "1")
    monkeypatch.setenv("GRAPHFORGET_RECORDS", str(tmp_path / "r.jsonl"))
    assert [c.path for c in auto.callbacks()] == [tmp_path / "r.jsonl"]


def test_the_entry_points_name_the_factory():
    for group in ("pytorch_lightning.callbacks_factory", "lightning.pytorch.callbacks_factory"):
        for point in entry_points(group=group, name="graphforget"):
            assert point.load() is auto.callbacks
