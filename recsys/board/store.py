"""What the board has found so far: in memory, and in a folder where one is given.

A folder holds ``cells.jsonl``, one record a search or training, failed ones too, and ``drawn/``
with the AUC of each on the bootstrap draws.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphforget.core.config import to_config
from graphforget.core.errors import Refused
from graphforget.core.files import write_atomically
from graphforget.core.record import Record, append_record, git_state, read_records, versions
from recsys.board.bootstrap import Bootstrap
from recsys.board.question import TASK, Question
from recsys.board.retrain import Cell, CellScores
from recsys.select import Selection

CELLS = "cells.jsonl"
SEARCH, CELL = "search", "cell"
"""Names of the two kinds of records."""


@dataclass(frozen=True, eq=False)
class Searched:
    """What came of a search.

    Args:
        selection: the ranking, without gate and model.
        ends: scores of the network that the search ended with, if it did.
    """

    selection: Selection
    ends: CellScores | None = None


class Store:
    """Results by what was asked, so that nothing is done twice.

    Args:
        folder: where to keep them; those that are there are read. None keeps them in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._searches: dict[str, Searched | Exception] = {}
        self._cells: dict[str, CellScores | Exception] = {}
        if folder is not None:
            for record in read_records(folder / CELLS):
                if record.status == "ok":  # what failed is tried again
                    self._read(record)

    def searched(self, question: Question, digest: str) -> Searched | Exception | None:
        """What came of a question's search on the table with that digest, or None."""
        return self._searches.get(search_key(question, digest))

    def cell(self, cell: Cell, bootstrap: Bootstrap, digest: str) -> CellScores | Exception | None:
        """What came of a cell on the table with that digest, or None."""
        return self._cells.get(cell_key(cell, bootstrap, digest))

    def add_search(
        self, question: Question, digest: str, dataset: str, result: Searched | Exception
    ) -> None:
        """Keep what came of a search."""
        key = search_key(question, digest)
        self._searches[key] = result
        said = question.asked(SEARCH, dataset)
        if isinstance(result, Exception):
            return self._write(key, said, unfinished(result))
        selection = result.selection
        metrics = {f"score/{name}": float(score)
                   for name, score in zip(selection.fields, selection.scores, strict=True)}
        if result.ends is not None:
            metrics |= {f"end_{name}": value for name, value in result.ends.metrics().items()}
        said["config"] = {**said["config"], "fields": list(selection.fields)}
        came = {"metrics": metrics, "seconds": selection.seconds}
        self._write(key, said, came, None if result.ends is None else result.ends.drawn)

    def add_cell(
        self, cell: Cell, bootstrap: Bootstrap, digest: str, dataset: str,
        result: CellScores | Exception,
    ) -> None:
        """Keep what came of a cell."""
        key = cell_key(cell, bootstrap, digest)
        self._cells[key] = result
        said = {
            "benchmark": CELL, "dataset": dataset, "task": TASK,
            "model": type(cell.backbone).__name__, "learner": type(cell.training).__name__,
            "unlearner": "", "config": cell.config, "seed": cell.seed,
        }
        if isinstance(result, Exception):
            return self._write(key, said, unfinished(result))
        came = {"metrics": result.metrics(), "seconds": result.seconds}
        self._write(key, said, came, result.drawn)

    def _write(
        self, key: str, said: dict[str, Any], came: dict[str, Any],
        drawn: np.ndarray | None = None,
    ) -> None:
        if self.folder is None:
            return
        if drawn is not None:  # first, so that a record always has its draws
            buffer = io.BytesIO()
            np.save(buffer, drawn)
            write_atomically(self._drawn(key), buffer.getvalue())
        record = Record(
            **said, **came, request={"key": key}, git=git_state(), versions=versions()
        )
        append_record(self.folder / CELLS, record)

    def _read(self, record: Record) -> None:
        key, metrics = record.request.get("key", ""), record.metrics
        drawn = self._drawn(key)
        if record.benchmark == CELL and drawn.exists():
            self._cells[key] = _scores(metrics, drawn)
        elif record.benchmark == SEARCH:
            fields = tuple(record.config["fields"])
            scores = np.array([metrics[f"score/{name}"] for name in fields])
            ends = {name.removeprefix("end_"): value for name, value in metrics.items()
                    if name.startswith("end_")}
            self._searches[key] = Searched(
                Selection(fields, scores, seconds=record.seconds or 0.0),
                _scores(ends, drawn) if ends and drawn.exists() else None,
            )

    def _drawn(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / "drawn" / f"{key}.npy"


def search_key(question: Question, digest: str) -> str:
    """Identity of a question's search; the grid does not count, but whether there is one does."""
    config = [to_config(part) for part in (question.selector, question.backbone)]
    scored = [to_config(question.bootstrap)] if question.grid else []
    return _key([digest, config, scored, question.seed])


def cell_key(cell: Cell, bootstrap: Bootstrap, digest: str) -> str:
    """Identity of a cell and of the draws that it is scored on."""
    return _key([digest, cell.config, to_config(bootstrap), cell.seed])


def _key(asked: list[Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


def _scores(metrics: dict[str, float], drawn: Path) -> CellScores:
    values = dict(metrics)
    epoch = int(values.pop("epoch"))
    return CellScores(**values, epoch=epoch, drawn=np.load(drawn))


def unfinished(error: Exception | None, where: str = "") -> dict[str, Any]:
    """The fields of a record for what did not end well."""
    words = " ".join(f"{where}{type(error).__name__}: {error}".split())[:500]
    return {"status": "refused" if isinstance(error, Refused) else "failed", "error": words}
