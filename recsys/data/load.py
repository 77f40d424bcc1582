"""Click tables by name, or of a user's own file; built once, into the cache."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.data.cache import cache_folder
from recsys.data.aliccp import ALICCP, aliccp
from recsys.data.avazu import AVAZU, avazu
from recsys.data.criteo import CRITEO, criteo
from recsys.data.frappe import FRAPPE, frappe
from recsys.data.movielens import (
    HUNDRED_K,
    ONE_M,
    hundred_k_from_grouplens,
    hundred_k_from_recbole,
    one_m,
)  # fmt: skip
from recsys.data.own import own_source
from recsys.data.recbole import shipped
from recsys.table import ClickTable, Schema, Source, build_table, planted_table
from recsys.table.schema_file import schema_text

VERSION = 1
"""Goes up when the same files would give another table, so that cached ones are built anew."""


@dataclass(frozen=True)
class _Set:
    """A public data set: where its files may lie below the root, and how they are read."""

    places: tuple[str, ...]
    read: Callable[[Path], Source]
    schema: Schema


_SETS = {
    "ml-100k": _Set(
        ("ml-100k/raw/u.data", "ml-100k/u.data"),
        lambda file: hundred_k_from_grouplens(file.parent),
        HUNDRED_K,
    ),
    "ml-1m": _Set(
        ("ml-1m/raw/ratings.dat", "ml-1m/ratings.dat"), lambda file: one_m(file.parent), ONE_M
    ),
    "frappe": _Set(("frappe/frappe.csv.gz", "frappe/frappe.csv"), frappe, FRAPPE),
    "criteo": _Set(
        ("criteo/train.txt", "criteo/train.txt.gz", "criteo/criteo.tsv.gz",
         "criteo_sample/criteo.tsv.gz"), criteo, CRITEO,
    ),
    "avazu": _Set(
        ("avazu/train.csv", "avazu/train.csv.gz", "avazu/train.gz", "avazu_sample/avazu.csv.gz"),
        avazu, AVAZU,
    ),
    "aliccp": _Set(
        ("aliccp/ali_ccp_train.csv", "aliccp/ali_ccp_train.csv.gz"),
        lambda file: aliccp(file.parent), ALICCP,
    ),
}  # fmt: skip

TABLES: tuple[str, ...] = (*_SETS, "planted")
"""The names that `load_table` knows."""


def load_table(
    name: str | Path,
    root: str | Path | None = None,
    schema: Schema | None = None,
    whole_table: bool = False,
) -> ClickTable:
    """Load a public data set by its name, or a user's own by its path.

    A table is built on first use and kept in the cache (``$GRAPHFORGET_CACHE``); it is built anew
    when a file or the schema has changed. ``ml-100k`` needs no files where the package
    ``recbole`` is installed, which carries it; where it is not, a planted table takes its place,
    with a warning. ``frappe`` holds clicks only: two unused apps are drawn for each.

    Args:
        name: one of `TABLES`, or a CSV or Parquet file (see `recsys.data.own`).
        root: folder of the public data sets; ``$GRAPHFORGET_DATA`` by default. They are looked
            for there and in its folder ``recsys``.
        schema: other than the set's or the file's own.
        whole_table: learn the vocabularies on all rows: a leak, see `Schema`.

    Raises:
        UserError: an unknown name, missing files, or bad content.

    Example:
        >>> load_table("planted")
        ClickTable('planted', 2,000 rows, 8 fields)
    """
    known = str(name).strip().lower().replace("_", "-")
    if isinstance(name, Path) or known not in TABLES:
        if not isinstance(name, Path) and not Path(name).expanduser().exists():
            raise UserError(
                f"data {str(name)!r}: neither a file nor one of {', '.join(TABLES)}"
            )
        file = Path(name).expanduser()
        source, schema = own_source(file, schema)
        return _built(file.name.split(".")[0], [file], lambda: source, schema, whole_table)
    if known == "planted":
        return planted_table().table
    entry = _SETS[known]
    found = _find(entry, root)
    if found is not None:
        place, read, files = found, entry.read, sorted(found.parent.iterdir())
    elif known == "ml-100k":
        folder = shipped(known)
        if folder is None:
            warnings.warn(
                "ml-100k: there are no files, and the package recbole that carries them is not "
                "installed (pip install --no-deps recbole); a planted table takes its place",
                stacklevel=2,
            )
            return planted_table().table
        place, read, files = folder, hundred_k_from_recbole, sorted(folder.glob("ml-100k.[iu]*"))
    else:
        raise UserError(
            f"data {known!r}: no file {' or '.join(entry.places)}; download the set and give the "
            "folder around it with --root or $GRAPHFORGET_DATA"
        )
    return _built(known, files, lambda: read(place), schema or entry.schema, whole_table)


def _find(entry: _Set, root: str | Path | None) -> Path | None:
    root = root or os.environ.get("GRAPHFORGET_DATA")
    if root is None:
        return None
    root = Path(root).expanduser()
    tried = [base / place for base in (root, root / "recsys") for place in entry.places]
    return next((path for path in tried if path.is_file()), None)


def _built(
    name: str,
    files: list[Path],
    read: Callable[[], Source],
    schema: Schema,
    whole_table: bool,
) -> ClickTable:
    """Open the table of these files from the cache, or build it."""
    schema = replace(schema, whole_table=schema.whole_table or whole_table)
    seen = [str(VERSION), schema_text(schema)]
    for file in files:
        about = file.stat()
        seen.append(f"{file.resolve()} {about.st_size} {about.st_mtime_ns}")
    mark = hashlib.sha256("\n".join(seen).encode()).hexdigest()[:16]
    folder = cache_folder() / "tables" / f"{name}-{mark}"
    if not folder.is_dir():
        try:
            return build_table(read(), schema, folder, name)
        except UserError:
            if not folder.is_dir():  # otherwise another process was first, with the same content
                raise
    return ClickTable.open(folder)
