"""``recsys select``: rank the fields of a click log, and retrain on the best of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.parsing import Seed, class_named
from graphforget.commands.runs import refuse_taken
from graphforget.commands.screen import columns, note, show
from graphforget.core.config import to_config
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically
from graphforget.core.pool import LocalPool, Pool, RayPool
from graphforget.core.record import Record
from recsys.board.aukc import convention
from recsys.board.question import Question
from recsys.board.report import file_name, report, text_rows
from recsys.board.run import run_trials
from recsys.board.selectors import with_training
from recsys.board.store import Searched, Store
from recsys.board.summary import standings
from recsys.board.trial import Trial, trials
from recsys.commands.parsing import add_table, new_parser
from recsys.commands.selectors import grid_named, selectors_named
from recsys.data import load_table
from recsys.learn import ClickTraining
from recsys.models import Backbone, DeepFM
from recsys.select import Selector
from recsys.table import ClickTable

RANKING, CURVE, KEEP = "ranking.json", "curve.json", "use_features.yaml"
"""Files of a selector's folder."""

RECORDS = "records.jsonl"


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


def add_training(options: ArgumentParser) -> None:
    """Add ``--training``, whose fields are options."""
    options.add_argument(
        "--training", type=ClickTraining, default=class_named(ClickTraining.__name__),
        help="how networks are trained, here and in searches that train any; its fields are "
        "options, such as --training.epochs 5",
    )


def add_pool(options: ArgumentParser) -> None:
    """Add the options that say where trials run."""
    options.add_argument(
        "--pool", type=Literal["local", "ray"], default="local", help="where trials run"
    )
    options.add_argument(
        "--address", type=str, default=None,
        help="of a running Ray cluster; by default a local Ray is started",
    )


def pool_of(options: Namespace) -> Pool:
    """The pool that options name."""
    return LocalPool() if options.pool == "local" else RayPool(options.address)


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
