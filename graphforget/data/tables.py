"""Reader of a graph from a folder of CSV or Parquet tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from graphforget.core.errors import UserError
from graphforget.data.arrays import PARTS, Arrays, refuse_more_than_memory

if TYPE_CHECKING:
    import pandas as pd


def read_tables(folder: Path) -> Arrays:
    """Read ``edges``, ``features`` and, where it is, ``labels``, each ``.csv`` or ``.parquet``.

    ``edges`` has the columns ``source`` and ``target``; ``features`` has ``id`` and one column of
    numbers a feature, a row a node; ``labels`` has ``id``, ``label`` and optionally ``split``
    (``train``, ``val``, ``test`` or empty). Ids may be whole numbers or texts. Nodes that are not
    in ``labels`` have no label; labels that are texts are numbered in alphabetical order.

    Raises:
        UserError: naming the table, the column and, where one is to blame, the id.
    """
    features, place = _table(folder, "features", ("id",))
    features, names = _named(features, place)
    index = {name: row for row, name in enumerate(features["id"])}
    columns = [column for column in features.columns if column != "id"]
    edges, at = _table(folder, "edges", ("source", "target"))
    ends = np.stack([_rows(edges[end], index, at) for end in ("source", "target")])
    x = _numbers(features[columns], place)

    if _file(folder, "labels") is None:
        return Arrays(ends, x, node_id=names)
    labels, at = _table(folder, "labels", ("id", "label"))
    rows = _rows(labels["id"], index, at)
    _unique(labels["id"], at)
    y = np.full(len(index), -1, dtype=np.int64)
    y[rows] = _classes(labels["label"], at)
    masks = {}
    if "split" in labels.columns:
        split = labels["split"].str.strip()
        odd = ~split.isin([*PARTS, ""])
        if odd.any():
            found = split[odd].iloc[0]
            raise UserError(f"{at}: split must be train, val, test or empty, not {found!r}")
        for part in PARTS:
            masks[part] = np.zeros(len(index), dtype=bool)
            masks[part][rows[(split == part).to_numpy()]] = True
    return Arrays(ends, x, y, masks, names)


def _file(folder: Path, name: str) -> Path | None:
    found = [path for kind in ("csv", "parquet") if (path := folder / f"{name}.{kind}").is_file()]
    if len(found) > 1:
        raise UserError(f"{folder}: both {found[0].name} and {found[1].name} are there; keep one")
    return found[0] if found else None


def _table(folder: Path, name: str, columns: tuple[str, ...]) -> tuple[pd.DataFrame, Path]:
    """Read a table that has the columns demanded; these, and the split, as texts."""
    import pandas as pd

    path = _file(folder, name)
    if path is None:
        raise UserError(f"{folder}: {name}.csv or {name}.parquet is missing")
    refuse_more_than_memory(path, 4 * path.stat().st_size)
    try:
        if path.suffix == ".csv":
            texts = dict.fromkeys((*columns, "split"), str)
            table = pd.read_csv(path, dtype=texts, keep_default_na=False, encoding="utf-8")
        else:
            table = pd.read_parquet(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except MemoryError:
        raise UserError(f"{path}: larger than memory") from None
    except Exception as error:  # pandas and pyarrow raise whatever their parsers raise
        why = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: not a readable table ({why})") from None
    if not table.columns.is_unique:
        raise UserError(f"{path}: two columns have the same name")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        have = ", ".join(str(column) for column in table.columns[:10])
        raise UserError(f"{path}: column {missing[0]!r} is missing; it has {have}")
    for column in {*columns, "split"} & set(table.columns):
        if table[column].dtype.kind == "f":
            raise UserError(f"{path}: {column} must be whole numbers or texts without gaps")
        table[column] = table[column].fillna("").astype(str).str.strip()
        empty = (table[column] == "").to_numpy()
        if column != "split" and empty.any():
            raise UserError(f"{path}: {column} is empty in row {int(empty.argmax()) + 1}")
    return table, path


def _named(
    features: pd.DataFrame, place: Path
) -> tuple[pd.DataFrame, list[int] | list[str] | None]:
    """Return the table and the name of each row; ids that are 0 to N-1 become the row numbers."""
    _unique(features["id"], place)
    names = features["id"].tolist()
    if not all(name.isascii() and name.isdigit() and len(name) < 19 for name in names):
        return features, names
    numbers = [int(name) for name in names]
    if [str(number) for number in numbers] != names:  # 007 is a text
        return features, names
    if sorted(numbers) != list(range(len(numbers))):
        return features, numbers
    return features.iloc[np.argsort(numbers)].reset_index(drop=True), None


def _unique(column: pd.Series, place: Path) -> None:
    twice = column.duplicated()
    if twice.any():
        raise UserError(f"{place}: id {column[twice].iloc[0]!r} is there twice")


def _rows(column: pd.Series, index: dict[str, int], place: Path) -> np.ndarray:
    """Translate ids to rows of the features."""
    rows = column.map(index)
    unknown = rows.isna()
    if unknown.any():
        raise UserError(f"{place}: {column.name} {column[unknown].iloc[0]!r} is not in features")
    return rows.to_numpy(dtype=np.int64)


def _numbers(table: pd.DataFrame, place: Path) -> np.ndarray:
    import pandas as pd

    columns = []
    for name in table.columns:
        try:
            numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64)
        except (TypeError, ValueError):
            raise UserError(f"{place}: column {str(name)!r} must be finite numbers") from None
        gap = ~np.isfinite(numbers)
        if gap.any():
            row = int(gap.argmax())
            raise UserError(
                f"{place}: column {str(name)!r} must be finite numbers, "
                f"row {row + 1} has {str(table[name].iloc[row])[:40]!r}"
            )
        columns.append(numbers)
    return np.stack(columns, axis=1) if columns else np.empty((len(table), 0))


def _classes(column: pd.Series, place: Path) -> np.ndarray:
    numbers = column.str.fullmatch(r"-1|\d{1,9}")
    if numbers.all():
        return column.astype(np.int64).to_numpy()
    if column.str.fullmatch(r"[-+.\d]+(e[-+]?\d+)?").any():
        raise UserError(f"{place}: label must be whole numbers from 0 (-1: none), or all texts")
    names = {name: number for number, name in enumerate(sorted(column.unique()))}
    return column.map(names).to_numpy(dtype=np.int64)
