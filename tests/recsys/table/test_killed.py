"""A build that is killed leaves no table, and the next one clears up after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from recsys.table import Column, Schema, TableSource, build_table

ROOT = Path(__file__).resolve().parents[3]
FRAME = pa.table({"a": [f"v{row % 7}" for row in range(100)], "label": [0, 1] * 50})
SCHEMA = Schema((Column("a"),))

BUILD = """
import sys, time
from tests.recsys.table.test_killed import FRAME, SCHEMA
from recsys.table import TableSource, build_table

class Endless(TableSource):
    def chunks(self):
        while True:
            time.sleep(0.01)
            yield from super().chunks()

build_table(Endless(FRAME, "endless"), SCHEMA, sys.argv[1])
"""


def start(folder: Path) -> subprocess.Popen:
    child = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT,
    )  # fmt: skip
    while not list(folder.parent.glob(".table.*.partial/scratch.parquet")):
        assert child.poll() is None
        time.sleep(0.05)
    return child


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_build_is_no_table_and_is_cleared_away(tmp_path, blow):
    folder = tmp_path / "table"
    child = start(folder)
    time.sleep(0.1)
    child.send_signal(blow)
    child.wait()
    assert not folder.exists()
    if blow is signal.SIGINT:
        assert list(tmp_path.iterdir()) == []
    build_table(TableSource(FRAME, "frame"), SCHEMA, folder)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.slow
def test_a_build_that_goes_on_is_left_alone(tmp_path):
    folder = tmp_path / "table"
    child = start(folder)
    try:
        build_table(TableSource(FRAME, "frame"), SCHEMA, folder)
        assert len(list(tmp_path.glob(".table.*.partial"))) == 1
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()
