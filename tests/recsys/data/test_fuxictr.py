"""What is exported says what the table says."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq

from recsys.data.fuxictr import FILES, export_fuxictr
from recsys.table import ClickTable, Part


def test_every_part_is_there_with_its_rows(tmp_path):
    draw = np.random.default_rng(0)
    table = ClickTable.from_arrays(
        "toy",
        {"user": draw.integers(9, size=50), "tags": draw.integers(4, size=(50, 3))},
        draw.integers(2, size=50),
        draw.integers(3, size=50),
        sizes={"user": 12},
    )
    export_fuxictr(table, tmp_path / "toy", "clicked")
    for part, name in FILES.items():
        read = pq.read_table(tmp_path / "toy" / name)
        rows = table.rows(part)
        assert read["user"].to_pylist() == table.columns[0][rows].tolist()
        assert read["tags"].to_pylist() == table.columns[1][rows].tolist()
        assert read["clicked"].to_pylist() == table.label[rows].tolist()
    about = json.loads((tmp_path / "toy" / "feature_map.json").read_text())
    assert about["features"][0]["user"]["vocab_size"] == 12
    assert about["features"][1]["tags"]["max_len"] == 3
    assert len(table.rows(Part.TRAIN)) > 0
