"""``recsys demo``: which fields of an embedded click log are worth it, in about a minute."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import Seed
from graphforget.commands.screen import columns, note, show
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically
from graphforget.core.pool import LocalPool
from graphforget.core.record import read_records
from recsys.board.aukc import convention
from recsys.board.question import Question
from recsys.board.report import file_name, text_rows
from recsys.board.run import run_trials
from recsys.board.selectors import title, with_training
from recsys.board.store import Store
from recsys.board.summary import standings
from recsys.board.trial import trials
from recsys.commands.answers import RECORDS, write_answer, write_board
from recsys.commands.parsing import new_parser
from recsys.data import load_table
from recsys.learn import ClickTraining
from recsys.models import DeepFM
from recsys.select import SFS, SHARK, Lasso, RandomOrder, Selector
from recsys.select.lasso import BENCHMARK as PUBLISHED_LASSO
from recsys.table import ClickTable

SELECTORS: tuple[Selector, ...] = (SHARK(), SFS(), Lasso(), PUBLISHED_LASSO)
"""Two that ask a trained network, a linear one, and the same as it was published, flaw included."""

BENCHMARK = "recsys_demo"
"""Name that records bear, by which an earlier demo is known."""

TRAINING = ClickTraining(epochs=6, patience=2, batch_size=2048, learning_rate=2e-3)
RANDOM_ORDERS = 3


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "demo",
        "Rank the fields of an embedded click log by several methods, retrain on the best of "
        "them, and leave a page. Nothing is downloaded.",
    )
    options.add_argument(
        "--out", type=Path, default=Path("recsys-demo"),
        help="folder to write; one of an earlier demo is replaced",
    )
    options.add_argument("--seed", type=Seed, default=0, help="of everything drawn")
    return options


def run(options: Namespace) -> int:
    """Rank, retrain, and say what is going on in plain words."""
    out: Path = options.out
    if out.exists() and not is_demo(out):
        raise UserError(f"{out}: exists and is not an earlier demo; choose another --out")
    say = note if options.json else print
    table = embedded(say)
    say(
        f"1. Search. {table.name}: {table.num_rows:,} rows, {table.num_fields} fields. Which of "
        f"the fields does a click model need? {len(SELECTORS)} methods rank them."
    )
    grid = few(table.num_fields)
    asked = [
        Question(title(one), with_training(one, TRAINING), DeepFM(), TRAINING, grid, options.seed)
        for one in SELECTORS
    ]
    asked += [
        Question(title(RandomOrder()), RandomOrder(), DeepFM(), TRAINING, grid, options.seed + more)
        for more in range(RANDOM_ORDERS)
    ]
    say(
        f"2. Retrain. DeepFM learns anew from the best {', '.join(map(str, grid))} fields of each "
        f"ranking, and of {RANDOM_ORDERS} random ones to compare with."
    )
    store = Store()
    records = run_trials(asked, table, LocalPool(), store, BENCHMARK)
    with folder_atomically(out, replace=out.exists()) as new:
        told = [
            write_answer(new, question, record, table, store)
            for question, record in zip(asked[: len(SELECTORS)], records, strict=False)
            if record.status == "ok"
        ]
        write_board(new, records)
    page = out / f"{file_name(table.name)}.html"
    ((_, those),) = standings(trials(records)).items()
    show(
        {"out": str(out), "page": str(page), "selectors": told},
        f"3. Compare. AUKC is the area under AUC against the number of fields\n"
        f"   ({convention(grid)}).\n\n{columns(text_rows(those))}\n\n"
        "'random' says where a method stands to random orders of the fields; k is chosen on\n"
        f"validation, AUC and logloss are on test.\n\nThe page to show: {page}\n"
        "Next: recsys select --help, or recsys bench --help for more methods, models and seeds",
        options.json,
    )
    return 0


def is_demo(out: Path) -> bool:
    """Whether a folder is an earlier demo's, and not one of `recsys select` or `recsys bench`."""
    if not (out / RECORDS).is_file():
        return False
    records = read_records(out / RECORDS)
    return bool(records) and all(record.benchmark == BENCHMARK for record in records)


def embedded(say: Callable[[str], object]) -> ClickTable:
    """MovieLens-100K where the recbole package is installed, else a table with planted fields."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        table = load_table("ml-100k")
    for warning in told:
        say(str(warning.message))
    return table


def few(fields: int) -> tuple[int, ...]:
    """Some numbers of fields up to all, denser where there are few.

    >>> few(13), few(1)
    ((1, 2, 3, 5, 8, 13), (1,))
    """
    ks, last = [1, 2], 3
    while last < fields:
        ks.append(last)
        last += ks[-2]
    return tuple(k for k in ks if k < fields) + (fields,)
