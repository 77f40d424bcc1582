"""A small planted table, selectors whose answers are known, and a quick training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from graphforget.core.pool import LocalPool
from recsys.board.bootstrap import Bootstrap
from recsys.board.question import Question
from recsys.board.run import run_trials
from recsys.board.store import Store
from recsys.learn import ClickTraining
from recsys.models import DeepFM
from recsys.select import Family, Selection, Selector
from recsys.select.base import one_score_each
from recsys.table import ClickTable, planted_table

QUICK = ClickTraining(width=4, epochs=2, batch_size=128, learning_rate=0.02)
SMALL = DeepFM(hidden=(4,), dropout=0.0)


@dataclass(frozen=True)
class Order(Selector):
    """Ranks fields by their names, ascending or descending."""

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "for tests"
    descending: bool = True

    def search(self, table: ClickTable, backbone, seed: int) -> Selection:
        place = {name: n for n, name in enumerate(sorted(f.name for f in table.fields))}
        sign = 1 if self.descending else -1
        return one_score_each(table, [sign * place[field.name] for field in table.fields])


@dataclass(frozen=True)
class Broken(Selector):
    """Cannot search."""

    family: ClassVar[Family] = Family.SHALLOW
    paper: ClassVar[str] = "for tests"

    def search(self, table: ClickTable, backbone, seed: int) -> Selection:
        raise RuntimeError("the search broke")


@pytest.fixture(scope="session")
def small_table() -> ClickTable:
    return planted_table(400, relevant=2, redundant=1, irrelevant=1, seed=0).table


def ask(selector: Selector, title: str = "", **change) -> Question:
    settings = {"grid": (1, 2, 4), "seed": 0, "bootstrap": Bootstrap(draws=20)} | change
    return Question(title or type(selector).__name__, selector, SMALL, QUICK, **settings)


def carried_out(questions, table, store=None):
    return run_trials(questions, table, LocalPool(), store or Store(), quiet=True)
