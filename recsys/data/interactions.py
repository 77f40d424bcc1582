"""Interaction logs by name: who took what, split for training and judging."""

from __future__ import annotations

import gzip
import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from graphforget.core.errors import UserError
from recsys.interactions import Interactions


@dataclass(frozen=True, eq=False)
class Log:
    """Who took what, before ids are numbered.

    Args:
        pairs: columns ``user``, ``item`` and, where it is known, ``time``; in any ids.
        users: attributes by user id, codes from 1; empty for none.
    """

    pairs: pd.DataFrame
    users: pd.DataFrame = field(default_factory=pd.DataFrame)


def load_interactions(
    name: str,
    root: str | Path | None = None,
    seed: int = 0,
    val: float = 0.05,
    test: float = 0.2,
    core: int = 5,
) -> Interactions:
    """Load a log, keep its core, and hold out a share of each user's pairs.

    Users and items with fewer than ``core`` pairs are left out, again and again until none is
    (recsys_unlearning.md 1.4: 943 users and 1,349 films are left of MovieLens-100K). Whoever
    keeps a pair keeps at least one to train on.

    Args:
        name: one of `LOGS`, or a CSV or parquet file with columns ``user`` and ``item``.
        root: folder of the public logs, with ``recsys/<name>`` or ``<name>`` in it; by default
            that in ``GRAPHFORGET_DATA``. MovieLens-100K is also found in the wheel ``recbole``.
        seed: of the split.
        val: share of each user's pairs held out for choosing.
        test: share of each user's pairs held out for judging.
        core: fewest pairs of a user or an item.

    Raises:
        UserError: for an unknown name, missing or damaged files, shares that leave nothing.
    """
    if not (val >= 0 and test >= 0 and val + test < 1):
        raise UserError(
            f"load_interactions: wanted shares from 0 that leave something to train on, got val "
            f"{val:g} and test {test:g}"
        )
    log = _read(name, root)
    pairs = k_core(log.pairs.drop_duplicates(["user", "item"]), core)
    if pairs.empty:
        raise UserError(f"{name}: no user and item has {core} pairs; pass a smaller core")
    return numbered(Log(pairs, log.users), Path(name).stem, seed, val, test)


def k_core(pairs: pd.DataFrame, core: int) -> pd.DataFrame:
    """The largest part of a log in which every user and item has at least ``core`` pairs.

    >>> log = pd.DataFrame({"user": [1, 1, 2, 2, 3], "item": [7, 8, 7, 8, 9]})
    >>> k_core(log, 2)["user"].tolist()
    [1, 1, 2, 2]
    """
    while True:
        counts = [pairs.groupby(side)[side].transform("size") for side in ("user", "item")]
        kept = (counts[0] >= core) & (counts[1] >= core)
        if kept.all():
            return pairs
        pairs = pairs[kept]


def numbered(log: Log, name: str, seed: int, val: float, test: float) -> Interactions:
    """Number users and items from 0 in the order of their ids, and split.

    Args:
        log: distinct pairs.
        name: what to call it.
        seed: of the split.
        val: share of each user's pairs held out for choosing.
        test: share of each user's pairs held out for judging.
    """
    users, user = np.unique(log.pairs["user"].to_numpy(), return_inverse=True)
    items, item = np.unique(log.pairs["item"].to_numpy(), return_inverse=True)
    order = np.lexsort((item, user))
    pairs = torch.from_numpy(np.stack([user, item])[:, order])
    part = split_by_user(pairs[0].numpy(), seed, val, test)
    train, chosen, judged = (torch.from_numpy(part == code) for code in range(3))
    times = None
    if "time" in log.pairs:
        times = torch.from_numpy(log.pairs["time"].to_numpy()[order].astype(np.int64))[train]
    attributes = {
        str(key): torch.tensor(log.users[key].reindex(users).fillna(0).to_numpy(np.int64))
        for key in log.users
    }
    return Interactions.of(
        pairs[:, train], len(users), len(items), pairs[:, chosen], pairs[:, judged],
        times, attributes, name, (users.tolist(), items.tolist()),
    )


def split_by_user(users: np.ndarray, seed: int, val: float, test: float) -> np.ndarray:
    """The part of each pair, 0 to train on, 1 for choosing, 2 for judging, shape ``(E,)``.

    Args:
        users: of the pairs, in ascending order, shape ``(E,)``.
        seed: of the draw.
        val: share of each user's pairs, rounded.
        test: share of each user's pairs, rounded.

    >>> int(split_by_user(np.zeros(10, dtype=int), seed=0, val=0.1, test=0.2).sum())
    5
    """
    count = np.bincount(users)
    draw = np.random.default_rng(seed).random(len(users))
    order = np.lexsort((draw, users))
    rank = np.empty(len(users), dtype=np.int64)
    first = np.cumsum(count) - count
    rank[order] = np.arange(len(users)) - first[users[order]]
    judged = np.minimum(np.rint(test * count), count - 1)
    chosen = np.minimum(np.rint(val * count), count - 1 - judged)
    part = np.zeros(len(users), dtype=np.int64)
    part[rank < (judged + chosen)[users]] = 1
    part[rank < judged[users]] = 2
    return part


def _read(name: str, root: str | Path | None) -> Log:
    if name in LOGS:
        return LOGS[name](root)
    path = Path(name)
    if path.suffix not in (".csv", ".parquet"):
        raise UserError(
            f"{name}: wanted one of {', '.join(LOGS)}, or a .csv or .parquet file with columns "
            "user and item"
        )
    try:
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:  # pyarrow's and pandas' own errors are ValueErrors
        raise UserError(f"{path}: {' '.join(str(error).split())[:200]}") from None
    return _own_log(path, table)


def _own_log(path: Path, table: pd.DataFrame) -> Log:
    for column in ("user", "item"):
        if column not in table:
            have = ", ".join(map(str, table.columns[:8]))
            raise UserError(
                f"{path}: wanted columns user and item, got {have}; rename them, or check the "
                "delimiter, which is a comma"
            )
        if table[column].isna().any():
            row = int(table[column].isna().to_numpy().argmax())
            raise UserError(f"{path}: column {column}: row {row + 1} is empty; fill or drop it")
    kept = [column for column in ("user", "item", "time") if column in table]
    if "time" in kept:
        _check_times(path, table["time"])
    # ids of several types, such as numbers with a few words among them, have no order as they are
    mixed = [side for side in ("user", "item") if table[side].dtype == object]
    return Log(table[kept].astype(dict.fromkeys(mixed, str)))


def _check_times(path: Path, times: pd.Series) -> None:
    if not pd.api.types.is_numeric_dtype(times):
        raise UserError(f"{path}: column time: wanted numbers, such as seconds since 1970")
    wrong = ~np.isfinite(times.to_numpy(np.float64, na_value=np.nan))
    if wrong.any():
        row = int(wrong.argmax())
        raise UserError(
            f"{path}: column time: row {row + 1} is {times.iloc[row]}; wanted a number, such as "
            "seconds since 1970"
        )


def _folder(root: str | Path | None, name: str) -> Path | None:
    base = os.environ.get("GRAPHFORGET_DATA") if root is None else root
    places = [] if base is None else [Path(base) / "recsys" / name, Path(base) / name]
    return next((place for place in places if place.is_dir()), None)


def _needed(root: str | Path | None, name: str) -> Path:
    folder = _folder(root, name)
    if folder is None:
        raise UserError(
            f"{name}: wanted a folder recsys/{name} below --root or GRAPHFORGET_DATA, got none"
        )
    return folder


def _movielens(root: str | Path | None) -> Log:
    folder = _folder(root, "ml-100k")
    if folder is not None and (folder / "raw" / "u.data").is_file():
        raw = folder / "raw"
        pairs = pd.read_csv(raw / "u.data", sep="\t", names=["user", "item", "rating", "time"])
        users = pd.read_csv(
            raw / "u.user", sep="|", names=["user", "age", "gender", "occupation", "zip"],
            encoding="latin-1",
        )
        return Log(pairs[["user", "item", "time"]], _attributes(users))
    found = importlib.util.find_spec("recbole")
    if found is None or not found.submodule_search_locations:
        raise UserError(
            "ml-100k: wanted recsys/ml-100k/raw/u.data below --root or GRAPHFORGET_DATA, or the "
            "wheel recbole, which carries it: pip install --no-deps recbole"
        )
    inside = Path(found.submodule_search_locations[0]) / "dataset_example" / "ml-100k"
    pairs = pd.read_csv(inside / "ml-100k.inter", sep="\t")
    pairs.columns = pd.Index(["user", "item", "rating", "time"])
    users = pd.read_csv(inside / "ml-100k.user", sep="\t")
    users.columns = pd.Index(["user", "age", "gender", "occupation", "zip"])
    return Log(pairs[["user", "item", "time"]], _attributes(users))


def _attributes(users: pd.DataFrame) -> pd.DataFrame:
    """Gender (1 F, 2 M), age (1 up to 25, 2 up to 45, 3 above) and occupation, coded from 1."""
    users = users.set_index("user")
    return pd.DataFrame(
        {
            "gender": users["gender"].map({"F": 1, "M": 2}),
            "age": pd.cut(users["age"], [0, 25, 45, 200], labels=False) + 1,
            "occupation": users["occupation"].astype("category").cat.codes + 1,
        }
    )


def _frappe(root: str | Path | None) -> Log:
    table = pd.read_csv(_needed(root, "frappe") / "frappe.csv.gz", sep="\t")
    return Log(table[["user", "item"]])


def _lastfm(root: str | Path | None) -> Log:
    path = _needed(root, "lastfm-2k") / "user_artist.dat.gz"
    table = pd.read_csv(path, sep="\t", header=None).iloc[:, :2]
    table.columns = pd.Index(["user", "item"])
    return Log(table)


def _gowalla(root: str | Path | None) -> Log:
    folder = _needed(root, "gowalla")
    users, items = [], []
    for file in sorted(folder.rglob("*.txt*")):
        if not file.name.startswith(("train", "test")):
            continue
        opened = gzip.open(file, "rt") if file.suffix == ".gz" else open(file, encoding="utf-8")
        with opened as lines:
            for line in lines:
                user, *taken = map(int, line.split())
                users += [user] * len(taken)
                items += taken
    return Log(pd.DataFrame({"user": users, "item": items}))


def _planted(root: str | Path | None) -> Log:
    """300 users of six tastes and 120 items: a user takes a third of those of his taste."""
    draw = np.random.default_rng(0)
    user, item = np.arange(300)[:, None], np.arange(120)
    taken = draw.random((300, 120)) < np.where(user % 6 == item % 6, 0.6, 0.05)
    users, items = taken.nonzero()
    attributes = pd.DataFrame({"taste": np.arange(300) % 6 + 1})
    return Log(pd.DataFrame({"user": users, "item": items}), attributes)


LOGS: Mapping[str, Callable[[str | Path | None], Log]] = {
    "ml-100k": _movielens,
    "frappe": _frappe,
    "lastfm-2k": _lastfm,
    "gowalla": _gowalla,
    "planted": _planted,
}
"""The logs that `load_interactions` knows, and what reads each."""
