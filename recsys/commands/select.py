"""``recsys select``: rank the fields of a click log, and retrain on the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import Seed, class_named
from graphforget.commands.runs import refuse_taken
from graphforget.commands.screen import columns, note, show
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically
from graphforget.core.record import Record
from recsys.board.aukc import convention
from recsys.board.question import Question
from recsys.board.report import text_rows
from recsys.board.run import run_trials
from recsys.board.selectors import with_training
from recsys.board.store import Store
from recsys.board.summary import standings
from recsys.board.trial import trials
from recsys.commands.answers import write_answer, write_board
from recsys.commands.parsing import add_pool, add_table, add_training, new_parser, pool_of
from recsys.commands.selectors import grid_named, selectors_named
from recsys.data import load_table
from recsys.models import Backbone, DeepFM
from recsys.select import Selector
from recsys.table import ClickTable


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser("select", "Rank the fields of a click log, and retrain on the best.")
    add_table(options)
    options.add_argument(
        "--selectors", type=str | list[Selector], default="all",
        help="names with commas between them, such as Lasso,SHARK or Lasso:BENCHMARK for a named "
        "setting; all; or in YAML a list of classes with their fields",
    )
    options.add_argument(
        "--model", type=Backbone, default=class_named(DeepFM.__name__),
        help="the network: deepfm, fibinet and so on; its fields are options",
    )
    add_training(options)
    options.add_argument(
        "--k", type=str, default=None,
        help="retrain on so many of the best fields: 1..n for every number, or 5,10,n; "
        "by default nothing is retrained",
    )
    options.add_argument(
        "--keep", type=int, default=None,
        help="write the list of so many fields; by default, with --k, the number that is best on "
        "validation",
    )
    options.add_argument("--seed", type=Seed, default=0, help="of the searches and trainings")
    add_pool(options)
    options.add_argument("--out", type=Path, required=True, help="folder to write")
    return options


def run(options: Namespace) -> int:
    """Rank, retrain, write the folder and print the table."""
    refuse_taken(options.out, replace=False)
    selectors = selectors_named(options.selectors)
    table = load_table(options.data, options.root)
    grid = () if options.k is None else grid_named(options.k, table.num_fields)
    if options.keep is not None and not 1 <= options.keep <= table.num_fields:
        raise UserError(
            f"--keep: wanted a number of fields from 1 to {table.num_fields}, got {options.keep}"
        )
    questions = [
        Question(name, with_training(selector, options.training), options.model,
                 options.training, grid, options.seed)
        for name, selector in selectors.items()
    ]
    store = Store()
    with pool_of(options) as pool:
        records = run_trials(questions, table, pool, store)
    for record in records:
        if record.status != "ok":
            note(f"{record.config['title']}: {record.status}: {record.error}")
    if not trials(records):
        raise UserError(f"{records[0].config['title']}: {records[0].error}")
    with folder_atomically(options.out) as new:
        answers = [write_answer(new, *pair, table, store, options.keep)
                   for pair in zip(questions, records, strict=True) if pair[1].status == "ok"]
        write_board(new, records)
    show(
        {"out": str(options.out), "selectors": answers},
        "\n".join(as_text(table, records, grid, options.out)),
        options.json,
    )
    return 0


def as_text(
    table: ClickTable, records: Sequence[Record], grid: Sequence[int], out: Path
) -> list[str]:
    """Rankings, and the table of scores if there is one, for people."""
    lines = [f"{table.name}: {table.num_rows:,} rows, {table.num_fields} fields"]
    width = max(len(trial.title) for trial in trials(records))
    lines += [f"  {trial.title:<{width}}  {', '.join(trial.ranking) or 'weighs, ranks nothing'}"
              for trial in trials(records)]
    if grid:
        for (_, backbone), those in standings(trials(records)).items():
            lines += ["", f"{backbone}, AUKC: {convention(grid)}", columns(text_rows(those))]
    return [*lines, f"\nwritten to {out}"]
