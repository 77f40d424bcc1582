"""The board at work: search, then train every cell once, then put trials together.

All that takes time goes through a pool. Items carry the table by its path, so that workers map
the same files; each result is a line in a file, so that the same call goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from tqdm import tqdm

from graphforget.core.pool import Pool
from graphforget.core.record import Record, git_state, versions
from recsys.board.bootstrap import Bootstrap
from recsys.board.question import Question, about
from recsys.board.retrain import Cell, CellScores, retrained, scored
from recsys.board.store import Searched, Store, unfinished
from recsys.board.trial import drawn_aukc, measured
from recsys.table import ClickTable


@dataclass(frozen=True, eq=False)
class Search:
    """Ask a selector; what a pool maps over questions."""

    table: ClickTable

    def __call__(self, question: Question) -> Searched:
        selection = question.selector.select(self.table, question.backbone, question.seed)
        ends = None
        if selection.model is not None and question.grid:
            ends = scored(selection.model, self.table, question.bootstrap)
        return Searched(replace(selection, gate=None, model=None), ends)  # a network is large


@dataclass(frozen=True, eq=False)
class Retrain:
    """Train a cell; what a pool maps over cells."""

    table: ClickTable
    bootstrap: Bootstrap

    def __call__(self, cell: Cell) -> CellScores:
        return retrained(cell, self.table, self.bootstrap)


def run_trials(
    questions: Sequence[Question],
    table: ClickTable,
    pool: Pool,
    store: Store,
    benchmark: str = "selection",
    quiet: bool = False,
) -> list[Record]:
    """One record for every question, in their order; what fails is a record too.

    Args:
        questions: what to do; equal cells of different questions are trained once.
        table: of all of them.
        pool: where to do it.
        store: what is known already, and where results go.
        benchmark: name that records bear.
        quiet: show no progress.

    Raises:
        UserError: if a grid asks for more fields than the table has, or for fewer than a
            network takes.
    """
    for question in questions:
        question.check(table.num_fields)

    def shown(items: Sequence[Any], what: str) -> tqdm:
        return tqdm(total=len(items), desc=f"{table.name}: {what}", disable=quiet or None)

    digest = table.digest
    todo = [q for q in questions if not store.searched(q, digest)]
    with shown(todo, "searches") as bar:
        for question, result in pool.map(Search(table), todo):
            store.add_search(question, digest, table.name, result)
            bar.update()
    for bootstrap, cells in wanted(questions, table, store).items():
        with shown(cells, "trainings") as bar:
            for cell, result in pool.map(Retrain(table, bootstrap), cells):
                store.add_cell(cell, bootstrap, digest, table.name, result)
                bar.update()
    return [assembled(question, table, store, benchmark) for question in questions]


def wanted(
    questions: Iterable[Question], table: ClickTable, store: Store
) -> dict[Bootstrap, list[Cell]]:
    """The cells that rankings ask for and that are not in the store, each once."""
    found: dict[Bootstrap, dict[Cell, None]] = {}
    for question in questions:
        searched = store.searched(question, table.digest)
        if isinstance(searched, Searched):
            for cell in question.cells(table, searched.selection.ranking):
                if not store.cell(cell, question.bootstrap, table.digest):
                    found.setdefault(question.bootstrap, {})[cell] = None
    return {bootstrap: list(cells) for bootstrap, cells in found.items()}


def assembled(question: Question, table: ClickTable, store: Store, benchmark: str) -> Record:
    """The record of a question whose search and cells are in the store; nothing is trained."""
    said: dict[str, Any] = question.asked(benchmark, table.name) | {
        "request": about(table),
        "git": git_state(),
        "versions": versions(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    searched = store.searched(question, table.digest)
    if not isinstance(searched, Searched):
        return Record(**said, **unfinished(searched))
    scores = {}
    for cell in question.cells(table, searched.selection.ranking):
        found = store.cell(cell, question.bootstrap, table.digest)
        if not isinstance(found, CellScores):
            return Record(**said, **unfinished(found, f"{len(cell.fields)} fields: "))
        scores[cell] = found
    metrics = measured(question, table, searched.selection, scores, searched.ends)
    return Record(**said, metrics=metrics, seconds=searched.selection.seconds)


def aukc_draws(question: Question, table: ClickTable, store: Store) -> np.ndarray | None:
    """AUKC of a question on each draw of test rows, or None where there is no curve."""
    searched = store.searched(question, table.digest)
    if not isinstance(searched, Searched) or not question.selector.ranks or not question.grid:
        return None
    points = [store.cell(cell, question.bootstrap, table.digest)
              for cell in question.cells(table, searched.selection.ranking)[:-1]]
    known = [point for point in points if isinstance(point, CellScores)]
    return drawn_aukc(known, question.grid) if len(known) == len(points) else None
