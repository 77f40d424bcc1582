"""One trial of the board: a selector's ranking of a table, and what its prefixes are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphforget.core.record import Record
from recsys.board.aukc import aukc
from recsys.board.bootstrap import interval
from recsys.board.curve import Curve
from recsys.board.memory import SHARES, leading_fields, share_of_rows
from recsys.board.planted import planted_recovery
from recsys.board.question import TASK, Question
from recsys.board.retrain import Cell, CellScores
from recsys.select import Selection
from recsys.table import ClickTable


def measured(
    question: Question,
    table: ClickTable,
    selection: Selection,
    scores: Mapping[Cell, CellScores],
    ends: CellScores | None = None,
) -> dict[str, float]:
    """All numbers of a trial by name.

    Args:
        question: what was asked.
        table: the table.
        selection: the ranking.
        scores: what came of the cells that the ranking asks for.
        ends: scores of the network that the search ended with, if it did.
    """
    rows = {field.name: field.size for field in table.fields}
    ranking = selection.ranking
    found = {f"score/{name}": float(s)
             for name, s in zip(selection.fields, selection.scores, strict=True)}
    if question.selector.ranks:
        found |= {f"rank/{name}": float(place) for place, name in enumerate(ranking, start=1)}
        found |= {f"fields_{share:.0%}".rstrip("%"): float(leading_fields(ranking, rows, share))
                  for share in SHARES}
        found |= planted_recovery(ranking)
    cells = question.cells(table, ranking)
    if cells:
        found |= _against_all([scores[cell] for cell in cells], question, rows, ranking)
    if ends is None and cells and not question.selector.ranks:
        ends = scores[cells[-1]]  # no gate and no ranking: the network as it would have been
    if ends is not None:
        found |= {f"end_{name}": value for name, value in ends.metrics().items()}
    return found


def _against_all(
    scores: list[CellScores], question: Question, rows: Mapping[str, int], ranking: Sequence[str]
) -> dict[str, float]:
    """The curve, its area, and what the number of fields that validation chooses gains."""
    *points, whole = scores
    found = {"all_auc": whole.auc, "all_logloss": whole.logloss, "all_seconds": whole.seconds,
             "all_inference_seconds": whole.inference_seconds}
    if not points:
        return found
    curve = Curve(
        question.grid,
        *(tuple(getattr(p, name) for p in points) for name in ("val_auc", "auc", "logloss", "gauc"))
    )
    best = points[curve.best]
    low, high = interval(drawn_aukc(points, question.grid))
    gain_low, gain_high = interval(best.drawn - whole.drawn)
    k = question.grid[curve.best]
    return found | curve.metrics() | {
        "aukc": curve.aukc, "aukc_low": low, "aukc_high": high,
        "best_k": float(k), "best_auc": best.auc, "best_logloss": best.logloss,
        "best_gauc": best.gauc,
        "best_rows": share_of_rows(ranking[:k], rows),
        "best_inference_seconds": best.inference_seconds,
        "gain": best.auc - whole.auc, "gain_low": gain_low, "gain_high": gain_high,
        "retrain_seconds": sum(p.seconds for p in points),
    }


def drawn_aukc(points: Sequence[CellScores], grid: Sequence[int]) -> np.ndarray:
    """AUKC on each draw of test rows, shape ``(draws,)``; draws of two trials pair."""
    return aukc(np.stack([point.drawn for point in points], axis=-1), grid)


@dataclass(frozen=True)
class Trial:
    """A record of a trial, read.

    Args:
        record: one that ended well.
    """

    record: Record

    @property
    def title(self) -> str:
        """What tables call the selector."""
        return self.record.config["title"]

    @property
    def problem(self) -> tuple[str, str]:
        """Data set and backbone."""
        return self.record.dataset, self.record.model

    @property
    def grid(self) -> tuple[int, ...]:
        """The k."""
        return tuple(self.record.config["grid"])

    @property
    def rows(self) -> dict[str, int]:
        """Embedding rows of each field."""
        return self.record.request["rows"]

    @cached_property
    def ranking(self) -> tuple[str, ...]:
        """The fields in the selector's order; empty for a soft gate."""
        places = {name.partition("/")[2]: value for name, value in self.record.metrics.items()
                  if name.startswith("rank/")}
        return tuple(sorted(places, key=places.__getitem__))

    @cached_property
    def curve(self) -> Curve | None:
        """Scores against k, or None where nothing was retrained."""
        metrics = self.record.metrics
        return Curve.of_metrics(metrics, self.grid) if "aukc" in metrics else None

    def __getitem__(self, name: str) -> float:
        """A number by name, NaN where it was not measured."""
        return self.record.metrics.get(name, float("nan"))


def trials(records: Sequence[Record]) -> list[Trial]:
    """The trials among records that ended well."""
    return [Trial(record) for record in records
            if record.status == "ok" and record.task == TASK and "title" in record.config]
