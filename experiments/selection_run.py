"""Feature selection: what a ranking of fields is worth after retraining on its prefixes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from experiments.benchmark import Grid, Run
from experiments.cache import Cache
from graphforget.core.errors import UserError
from graphforget.core.pool import LocalPool
from recsys.board.bootstrap import Bootstrap
from recsys.board.question import Question
from recsys.board.run import run_trials
from recsys.board.selectors import with_training
from recsys.board.store import Store
from recsys.data import load_table
from recsys.learn import ClickTraining
from recsys.models import Backbone, DeepFM
from recsys.select import RandomOrder, Selector
from recsys.table import ClickTable


@dataclass(frozen=True)
class SelectionRun(Run):
    """One selector on one click table with one backbone and seed.

    Runs of a worker train no set of fields twice.

    Args:
        benchmark: name of the benchmark it belongs to.
        dataset: name of the table.
        question: selector, backbone, training, grid and seed.
    """

    benchmark: str
    dataset: str
    question: Question

    @property
    def asked(self) -> dict[str, Any]:
        return self.question.asked(self.benchmark, self.dataset)

    @property
    def shared(self) -> Hashable:
        return self.dataset, self.question.backbone, self.question.training, self.question.seed

    @property
    def problem(self) -> Hashable:
        return self.dataset, self.question.backbone, self.question.grid

    def check(self, cache: Cache, root: str | None) -> None:
        self.question.check(self._table(cache, root).num_fields)

    def carry_out(self, cache: Cache, root: str | None) -> dict[str, Any]:
        table = self._table(cache, root)
        store = cache.get(("store", self.dataset), Store)
        (record,) = run_trials([self.question], table, LocalPool(), store, quiet=True)
        if record.status != "ok":
            raise UserError(f"{self.question.title}: {record.error}")
        return {name: getattr(record, name) for name in ("metrics", "seconds", "request")}

    def _table(self, cache: Cache, root: str | None) -> ClickTable:
        return cache.get(("table", self.dataset), lambda: load_table(self.dataset, root))


@dataclass(frozen=True)
class SelectionGrid(Grid):
    """Selectors on click tables, for several backbones and seeds.

    Args:
        grids: name of a table -> the k.
        selectors: what tables call them -> selectors.
        backbones: networks.
        training: of the networks, here and in searches.
        seeds: one search and one training at each k each.
        random_orders: how many random orders make the band.
        bootstrap: draws of test rows.
    """

    grids: Mapping[str, tuple[int, ...]]
    selectors: Mapping[str, Selector]
    backbones: tuple[Backbone, ...] = (DeepFM(),)
    training: ClickTraining = field(default_factory=ClickTraining)
    seeds: tuple[int, ...] = (0,)
    random_orders: int = 0
    bootstrap: Bootstrap = Bootstrap()

    def runs(self, benchmark: str) -> Iterator[SelectionRun]:
        for (dataset, grid), backbone in product(self.grids.items(), self.backbones):
            for seed in range(max(*self.seeds, self.random_orders - 1) + 1):
                asked = dict(self.selectors) if seed in self.seeds else {}
                if seed < self.random_orders:
                    asked[RandomOrder.__name__] = RandomOrder()
                for title, selector in asked.items():
                    question = Question(
                        title, with_training(selector, self.training), backbone, self.training,
                        grid, seed, self.bootstrap,
                    )
                    yield SelectionRun(benchmark, dataset, question)
