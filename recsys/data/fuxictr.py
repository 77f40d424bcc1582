"""A click table in the layout that FuxiCTR reads, and its setting for a selection of fields."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from graphforget.core.files import folder_atomically
from recsys.table import ClickTable, Field, Kind, Part

FILES = {Part.TRAIN: "train.parquet", Part.VAL: "valid.parquet", Part.TEST: "test.parquet"}
ROWS = 1 << 16


def export_fuxictr(table: ClickTable, folder: str | Path, label: str = "label") -> None:
    """Write a table as ``{train,valid,test}.parquet`` and ``feature_map.json``.

    Id 0 of each field is the padding there, and what is out of the vocabulary too.

    Args:
        table: to be written, in chunks.
        folder: which must not exist; its name is the data set's.
        label: what to call the label.

    Raises:
        UserError: something is at the folder's place.
    """
    folder = Path(folder)
    with folder_atomically(folder) as partial:
        for part, name in FILES.items():
            rows = table.rows(part)
            kinds = _columns(table, label, rows[:0]).schema
            with pq.ParquetWriter(partial / name, kinds) as writer:
                for start in range(0, len(rows), ROWS):
                    writer.write_table(_columns(table, label, rows[start : start + ROWS]))
        about = json.dumps(feature_map(table, folder.name, label), indent=4)
        (partial / "feature_map.json").write_text(about + "\n", encoding="utf-8")


def feature_map(table: ClickTable, name: str, label: str = "label") -> dict[str, Any]:
    """What FuxiCTR wants to know of the columns.

    >>> about = feature_map(ClickTable.from_arrays("t", {"a": [1, 2]}, [0, 1], [0, 0]), "t")
    >>> about["total_features"], about["features"]
    (3, [{'a': {'source': '', 'type': 'categorical', 'padding_idx': 0, 'vocab_size': 3}}])
    """
    return {
        "dataset_id": name,
        "num_fields": table.num_fields,
        "total_features": sum(field.size for field in table.fields),
        "input_length": sum(field.width for field in table.fields),
        "labels": [label],
        "features": [{field.name: _about(field)} for field in table.fields],
    }


def use_features(ranking: Sequence[str], k: int) -> str:
    """The YAML line of a model's configuration that keeps the first ``k`` fields of a ranking.

    >>> print(use_features(["item", "user", "hour"], 2), end="")
    use_features: [item, user]
    """
    return yaml.safe_dump({"use_features": list(ranking[:k])}, default_flow_style=None)


def _about(field: Field) -> dict[str, Any]:
    about: dict[str, Any] = {"source": "", "type": "categorical", "padding_idx": 0}
    if field.kind is Kind.MULTI:
        about |= {"type": "sequence", "max_len": field.width}
    return about | {"vocab_size": field.size}


def _columns(table: ClickTable, label: str, rows: np.ndarray) -> pa.Table:
    columns = {
        field.name: list(ids[rows]) if ids.ndim == 2 else ids[rows]
        for field, ids in zip(table.fields, table.columns, strict=True)
    }
    kinds = {
        field.name: pa.list_(pa.int32()) if field.kind is Kind.MULTI else pa.int32()
        for field in table.fields
    }
    arrays = {name: pa.array(values).cast(kinds[name]) if len(values) else pa.array([], kinds[name])
              for name, values in columns.items()}  # fmt: skip
    return pa.table(arrays | {label: pa.array(table.label[rows]).cast(pa.float32())})
