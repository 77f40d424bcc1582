"""What `recsys select` and the demo leave in a folder: answers of selectors, and the board."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from graphforget.core.config import to_config
from graphforget.core.record import Record
from recsys.board.aukc import convention
from recsys.board.question import Question
from recsys.board.report import file_name, report
from recsys.board.store import Searched, Store
from recsys.board.trial import Trial, trials
from recsys.table import ClickTable

RANKING, CURVE, KEEP = "ranking.json", "curve.json", "use_features.yaml"
"""Files of a selector's folder."""

RECORDS = "records.jsonl"


def write_answer(
    out: Path, question: Question, record: Record, table: ClickTable, store: Store,
    keep: int | None = None,
) -> dict[str, Any]:
    """Write a selector's folder: its ranking, its curve, and the fields to keep.

    Args:
        out: the folder of all selectors.
        question: what was asked.
        record: of it, ended well.
        table: the table.
        store: holds the ranking.
        keep: how many fields; by default the number that is best on validation.

    Returns:
        What to tell machines about it.
    """
    searched = store.searched(question, table.digest)
    assert isinstance(searched, Searched)
    folder, trial = out / file_name(question.title), Trial(record)
    folder.mkdir()
    selection = searched.selection
    about = {
        "selector": question.title, "ranks": question.selector.ranks,
        "settings": to_config(question.selector), "dataset": table.name,
        "table": table.digest, "seed": question.seed,
    }
    said = about | json.loads(selection.to_json())
    _write(folder / RANKING, said)
    told: dict[str, Any] = said | {
        "metrics": {name: value for name, value in record.metrics.items()
                    if not name.startswith(("score/", "rank/"))}
    }
    if trial.curve is not None:
        curve = {"convention": convention(trial.grid), "aukc": trial.curve.aukc}
        _write(folder / CURVE, about | curve | vars(trial.curve))
    if keep is None and trial.curve is not None:
        keep = int(trial["best_k"])
    if keep is not None and question.selector.ranks:
        told["keep"] = list(selection.ranking[:keep])
        (folder / KEEP).write_text(yaml.safe_dump({"use_features": told["keep"]}))
    return plain(told)


def write_board(out: Path, records: Sequence[Record]) -> None:
    """Write the records, and the page and pictures where something was retrained."""
    lines = "".join(f"{record.to_line()}\n" for record in records)
    (out / RECORDS).write_text(lines)
    if any(trial.grid for trial in trials(records)):
        for name, content in report(records).items():
            (out / name).write_bytes(content)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(plain(content), indent=1, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """A value as JSON can say it: what is not a number becomes null.

    >>> plain({"gauc": (float("nan"), 0.5)})
    {'gauc': [None, 0.5]}
    """
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
