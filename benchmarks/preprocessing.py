"""Rows per second and memory of building a click table out of a file as large as one likes.

A file in the format of Criteo's challenge is generated, 13 integers and 26 categories a row, and
built in a process of its own, whose peak memory is measured from the outside, libraries included.
The categories follow a power law over as many values as Criteo's own fields have at that length.

Usage: ``python -m benchmarks.preprocessing --rows 2000000 --out results/preprocessing.jsonl``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from graphforget.core.files import append_line
from recsys.data.criteo import CATEGORIES, CRITEO, INTEGERS, criteo

CHUNK = 100_000
VALUES = (
    1_460, 583, 10_131_227, 2_202_608, 305, 24, 12_517, 633, 3, 93_145, 5_683, 8_351_593, 3_194,
    27, 14_992, 5_461_306, 10, 5_652, 2_173, 4, 7_046_547, 18, 15, 286_181, 105, 142_572,
)  # fmt: skip
"""Different values of Criteo's 26 categories in all of its 45.8 million rows."""


def generate(path: Path, rows: int, seed: int) -> None:
    """Write a file in Criteo's format, tab-separated without header, in chunks.

    Args:
        path: of the file.
        rows: how many.
        seed: the same seed gives the same file.
    """
    options = pa.csv.WriteOptions(
        include_header=False, delimiter="\t", quoting_style="none"
    )
    names = ("label", *INTEGERS, *CATEGORIES)
    kinds = pa.schema({name: pa.int64() if name in INTEGERS else pa.string() for name in names})
    with open(path, "wb") as file, pa.csv.CSVWriter(file, kinds, write_options=options) as writer:
        for batch in _batches(rows, np.random.default_rng(seed), kinds):
            writer.write_batch(batch)


def build_measured(path: Path, folder: Path) -> dict[str, float]:
    """Build the table in a process of its own.

    Returns:
        Seconds of the build alone, and the peak memory of the process in MB.
    """
    command = [sys.executable, "-m", "benchmarks.preprocessing", "--build", str(path), str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"the build ended with status {status}")
    return json.loads(said) | {"peak_mb": used.ru_maxrss / 1024}


def main() -> None:
    """Generate, build, print one line of JSON, and append it to a file if one is named."""
    options = _options()
    if options.build:
        file, folder = map(Path, options.build)
        print(json.dumps(_build(file, folder)))
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        path = Path(scratch) / "train.txt"
        started = time.perf_counter()
        generate(path, options.rows, options.seed)
        generated = time.perf_counter() - started
        folder = Path(scratch) / "table"
        found = build_measured(path, folder)
        row = {
            "rows": options.rows,
            "file_mb": path.stat().st_size / 2**20,
            "table_mb": sum(one.stat().st_size for one in folder.iterdir()) / 2**20,
            "generate_seconds": generated,
            "rows_per_second": options.rows / found["seconds"],
        } | found
    print(json.dumps(row))
    if options.out:
        append_line(options.out, json.dumps(row))


def _build(file: Path, folder: Path) -> dict[str, float]:
    from recsys.table import build_table

    started = time.perf_counter()
    table = build_table(criteo(file), CRITEO, folder)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "embedding_rows": sum(field.size for field in table.fields)}


def _batches(rows: int, draw: np.random.Generator, kinds: pa.Schema) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        columns = [pa.array(draw.integers(2, size=count).astype(str))]
        for _ in INTEGERS:
            numbers = np.floor(np.exp(draw.normal(1.5, 2.0, size=count))).astype(np.int64)
            columns.append(pa.array(numbers, mask=draw.random(count) < 0.2))
        for number, values in enumerate(VALUES):
            # log-uniform ranks are a power law with exponent 1
            ranks = np.floor(values ** draw.random(count)).astype(np.uint64)
            codes = (ranks * np.uint64(2_654_435_761) + np.uint64(number)) % np.uint64(1 << 32)
            texts = np.frombuffer(codes.astype(">u4").tobytes().hex().encode(), dtype="S8")
            columns.append(pa.array(texts.astype(str)))
        yield pa.record_batch(columns, kinds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", help="folder for the file and the table, a temporary one")
    parser.add_argument("--out", help="JSON lines, to which the row is appended")
    parser.add_argument("--build", nargs=2, metavar=("FILE", "FOLDER"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
