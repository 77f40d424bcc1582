"""``recsys bench``: selectors over backbones, data sets and seeds, compared by retraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from numpy.typing import NDArray

from graphforget.commands.runs import refuse_taken
from graphforget.commands.screen import columns, note, show
from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from graphforget.core.record import Record
from recsys.board.aukc import convention
from recsys.board.bootstrap import Bootstrap
from recsys.board.question import Question
from recsys.board.report import Drawn, report, text_rows
from recsys.board.run import aukc_draws, run_trials
from recsys.board.selectors import with_training
from recsys.board.store import CELLS, Store
from recsys.board.summary import Problem, standings
from recsys.board.trial import trials
from recsys.commands.answers import RECORDS
from recsys.commands.parsing import add_pool, add_training, new_parser, pool_of
from recsys.commands.selectors import (
    backbones_named,
    grid_named,
    listed,
    seeds_named,
    selectors_named,
)
from recsys.data import load_table
from recsys.learn import ClickTraining
from recsys.models import Backbone
from recsys.select import GreedyForward, RandomOrder, Selector
from recsys.table import ClickTable

BENCHMARK = "recsys_bench"


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "bench", "Compare selectors by retraining: records, a page and pictures for each data set."
    )
    options.add_argument(
        "--data", type=str, required=True,
        help="names or files of click logs, with commas between them",
    )
    options.add_argument(
        "--root", type=str, default=None,
        help="folder of the public click logs; by default that in GRAPHFORGET_DATA",
    )
    options.add_argument(
        "--selectors", type=str | list[Selector], default="all",
        help="as for recsys select; random orders are always there beside them",
    )
    options.add_argument(
        "--models", type=str | list[Backbone], default="deepfm",
        help="names of networks, with commas between them",
    )
    add_training(options)
    options.add_argument("--k", type=str, default="1..n", help="as for recsys select")
    options.add_argument("--seeds", type=str, default="0,1,2", help="one search and training each")
    options.add_argument(
        "--random_orders", type=int, default=5, help="how many random orders make the band"
    )
    options.add_argument(
        "--against", type=str, default=None,
        help="the selector that others are compared with; by default greedy forward selection if "
        "it is among them, else the first that ranks fields",
    )
    options.add_argument(
        "--draws", type=int, default=500, help="bootstrap draws of the test rows"
    )
    add_pool(options)
    options.add_argument("--out", type=Path, required=True, help="folder to write")
    options.add_argument(
        "--resume", action="store_true",
        help="go on in a folder that is there: what it holds is not done again",
    )
    return options


def run(options: Namespace) -> int:
    """Run what is not there yet, write records, pages and pictures, print the tables."""
    check_out(options.out, options.resume)
    selectors = selectors_named(options.selectors)
    against = reference(options.against, selectors)
    backbones = backbones_named(options.models)
    seeds, bootstrap = seeds_named(options.seeds), Bootstrap(options.draws)
    if options.random_orders < 0:
        raise UserError(f"--random_orders: wanted 0 or more, got {options.random_orders}")
    tables = [load_table(name, options.root) for name in listed(options.data, "--data")]
    names = [table.name for table in tables]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(
            f"--data: two tables are called {twice[0]}, and would be taken for one; "
            "give each once, or rename a file"
        )
    asked = [
        questions(
            selectors, backbones, options.training, grid_named(options.k, table.num_fields), seeds,
            options.random_orders, bootstrap,
        )
        for table in tables
    ]
    if not any(asked):
        raise UserError("--selectors: nothing to compare; name selectors, or more --random_orders")
    for table, those in zip(tables, asked, strict=True):
        for question in those:
            question.check(table.num_fields)
    store = Store(options.out)
    records: list[Record] = []
    drawn: dict[Problem, Mapping[str, NDArray]] = {}
    with pool_of(options) as pool:
        for table, those in zip(tables, asked, strict=True):
            records += run_trials(those, table, pool, store, BENCHMARK)
            drawn |= draws(those, table, store)
    write_atomically(
        options.out / RECORDS, "".join(f"{record.to_line()}\n" for record in records)
    )
    files = report(records, drawn, against)
    for name, content in files.items():
        write_atomically(options.out / name, content)
    failed = [record for record in records if record.status != "ok"]
    for record in failed:
        note(f"{record.dataset}, {record.model}, {record.config['title']}, seed {record.seed}: "
             f"{record.error}")
    show(
        {
            "out": str(options.out), "records": len(records), "failed": len(failed),
            "files": sorted([*files, RECORDS, CELLS]),
            "aukc": [
                {"dataset": problem[0], "model": problem[1], "selector": one.title,
                 "aukc": None if np.isnan(one.mean("aukc")) else one.mean("aukc")}
                for problem, those in standings(trials(records)).items() for one in those
            ],
        },
        as_text(records, options.out), options.json,
    )
    return 0


def questions(
    selectors: dict[str, Selector],
    backbones: Sequence[Backbone],
    training: ClickTraining,
    grid: tuple[int, ...],
    seeds: Sequence[int],
    random_orders: int,
    bootstrap: Bootstrap,
) -> list[Question]:
    """What is asked of one table: every selector for every backbone and seed, and random orders.

    The seeds of random orders count from 0, so that they share trainings with the others.
    """
    chosen = {name: one for name, one in selectors.items() if not isinstance(one, RandomOrder)}
    found = []
    for backbone in backbones:
        pairs = [(name, selector, seed) for name, selector in chosen.items() for seed in seeds]
        pairs += [(RandomOrder.__name__, RandomOrder(), seed) for seed in range(random_orders)]
        found += [
            Question(name, with_training(one, training), backbone, training, grid, seed, bootstrap)
            for name, one, seed in pairs
        ]
    return found


def draws(asked: Sequence[Question], table: ClickTable, store: Store) -> Drawn:
    """AUKC on each bootstrap draw of test rows, the mean over seeds, by problem and selector."""
    found: dict[tuple[str, str], dict[str, list[np.ndarray]]] = {}
    for question in asked:
        values = aukc_draws(question, table, store)
        if values is not None:
            problem = table.name, type(question.backbone).__name__
            found.setdefault(problem, {}).setdefault(question.title, []).append(values)
    return {
        problem: {name: np.mean(values, axis=0) for name, values in those.items()}
        for problem, those in found.items()
    }


def reference(name: str | None, selectors: dict[str, Selector]) -> str:
    """The selector that others are compared with; empty where none has a curve.

    Raises:
        UserError: if it is not among them, or ranks no fields.
    """
    ranking = [title for title, one in selectors.items() if one.ranks]
    if name is None:
        greedy = [title for title in ranking if isinstance(selectors[title], GreedyForward)]
        return next(iter([*greedy, *ranking]), "")
    if name in selectors and name not in ranking:
        raise UserError(f"--against: {name} ranks no fields and has no AUKC; name another")
    if name not in (*ranking, RandomOrder.__name__):
        raise UserError(
            f"--against: {name!r} is not compared here; name one of {', '.join(ranking)}"
        )
    return name


def check_out(out: Path, resume: bool) -> None:
    """Refuse a folder that is there, unless it is a board's and is to be gone on with.

    Raises:
        UserError: if it is in the way.
    """
    if not (resume and (out / CELLS).is_file()):
        if resume and out.exists():
            raise UserError(f"{out}: --resume goes on with a folder of recsys bench, this is none")
        if out.exists():
            raise UserError(f"{out}: exists; choose another --out, or go on there with --resume")
        refuse_taken(out, replace=False)


def as_text(records: Sequence[Record], out: Path) -> str:
    """The tables, one for each data set and backbone."""
    lines = []
    for (dataset, backbone), those in standings(trials(records)).items():
        grid = those[0].trials[0].grid
        lines += [f"{dataset}, {backbone}, AUKC: {convention(grid)}", columns(text_rows(those)), ""]
    return "\n".join([*lines, f"records, pages and pictures in {out}"])
