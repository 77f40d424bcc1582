"""Six times the rows need hardly more memory, where the values stay the same ones."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from recsys.table import (
    ByTime,
    Column,
    Kind,
    Quantiles,
    Schema,
    Source,
    build_table,
    encoder,
    source,
    split,
    vocabulary,
)  # fmt: skip
from recsys.table.source import Chunk

CHUNK = 8192
SCHEMA = Schema(
    (
        Column("a"),
        Column("x", Kind.NUMERICAL, buckets=Quantiles(8)),
        Column("tags", Kind.MULTI),
    ),
    split=ByTime("time"),
    user="a",
)


@dataclass(frozen=True)
class Drawn(Source):
    rows: int

    @property
    def place(self) -> str:
        return "drawn"

    def chunks(self) -> Iterator[Chunk]:
        draw = np.random.default_rng(0)
        for start in range(0, self.rows, CHUNK):
            values = draw.integers(50, size=CHUNK)
            tags = np.array([f"{one}|{one + 1}" for one in range(50)])[values]
            batch = pa.record_batch({
                "a": values.astype(str), "x": values / 7, "tags": tags,
                "time": np.arange(start, start + CHUNK) % 1000, "label": values % 2,
            })  # fmt: skip
            yield Chunk(batch, "drawn", start, min(1.0, (start + CHUNK) / self.rows))


def peak(rows: int, folder: Path) -> int:
    """Most bytes held by Arrow and by NumPy during a build."""
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        build_table(Drawn(rows), SCHEMA, folder)
        return pool.max_memory() + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "CHUNK_ROWS", CHUNK)
    monkeypatch.setattr("recsys.table.scratch.CHUNK_ROWS", CHUNK)
    monkeypatch.setattr("recsys.table.build.CHUNK_ROWS", CHUNK)
    monkeypatch.setattr(split, "BLOCK", CHUNK)
    monkeypatch.setattr(encoder, "SAMPLE", CHUNK)
    monkeypatch.setattr(vocabulary, "PENDING", CHUNK)
    peak(CHUNK, tmp_path / "first")  # modules that are loaded late
    small = peak(4 * CHUNK, tmp_path / "small")
    large = peak(24 * CHUNK, tmp_path / "large")
    # a row is over 40 bytes; what grows is the list of chunks in the Parquet file
    assert large - small < 20 * CHUNK
