"""What a trial of the board asks: a selector, for a network, at some numbers of fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphforget.core.config import to_config
from graphforget.core.errors import UserError
from recsys.board.aukc import check_grid
from recsys.board.bootstrap import Bootstrap
from recsys.board.retrain import Cell
from recsys.learn import ClickTraining
from recsys.models import Backbone
from recsys.select import Selector
from recsys.table import ClickTable

TASK = "click"
"""What records call the task."""


@dataclass(frozen=True)
class Question:
    """What a trial asks.

    Args:
        title: what tables call the selector.
        selector: with its settings.
        backbone: the network that fields are selected for, and that is retrained.
        training: how it is retrained.
        grid: the k; none to rank and not retrain.
        seed: of the search and of the retraining.
        bootstrap: draws of test rows.
    """

    title: str
    selector: Selector
    backbone: Backbone
    training: ClickTraining
    grid: tuple[int, ...] = ()
    seed: int = 0
    bootstrap: Bootstrap = Bootstrap()

    def asked(self, benchmark: str, dataset: str) -> dict[str, Any]:
        """The fields of a record that say what was asked."""
        config: dict[str, Any] = {
            name: to_config(getattr(self, name))
            for name in ("selector", "backbone", "training", "bootstrap")
        }
        return {
            "benchmark": benchmark, "dataset": dataset, "task": TASK,
            "model": type(self.backbone).__name__, "learner": type(self.selector).__name__,
            "unlearner": "", "seed": self.seed,
            "config": config | {
                "title": self.title, "grid": list(self.grid), "ranks": self.selector.ranks,
                "family": self.selector.family.value,
            },
        }

    def check(self, num_fields: int) -> None:
        """Refuse before any work what would fail after the search.

        Raises:
            UserError: if the grid asks for more fields than there are, or the network cannot be
                built on as few as the grid asks for.
        """
        if not self.grid:
            return
        fewest = check_grid(self.grid, num_fields)[0]
        try:
            self.backbone.build(fewest, self.training.width, self.seed)
        except UserError as error:
            raise UserError(f"k = {fewest}: {error}") from error

    def cells(self, table: ClickTable, ranking: Sequence[str]) -> list[Cell]:
        """What has to be trained: the prefixes of a ranking, and last all fields.

        Soft gates are not retrained, so that all fields are all they need.
        """
        ks = (*self.grid, table.num_fields) if self.selector.ranks else (table.num_fields,)
        return [
            Cell.of(table, ranking[:k], self.backbone, self.training, self.seed) for k in ks
        ] if self.grid else []


def about(table: ClickTable) -> dict[str, Any]:
    """What a record says of the table: its content and how many rows each embedding has."""
    return {
        "table": table.digest,
        "rows": {field.name: field.size for field in table.fields},
    }
