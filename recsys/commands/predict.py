"""``recsys predict``: what a run's model recommends to whom, or how likely rows are clicked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor

from graphforget.commands.predict import ROWS_SHOWN, WRITERS, write_answers
from graphforget.commands.runs import load_run, remember
from graphforget.commands.screen import note, show
from graphforget.core.errors import UserError
from graphforget.trained import Trained
from recsys.commands.parsing import new_parser
from recsys.interactions import Interactions
from recsys.task import Ranking


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "predict",
        "Write what a run's model recommends: the K best items of every user, (U, K), -1 where "
        "none is left; or of a click model the probability of a click of every row, (R,).",
    )
    options.add_argument("run", type=Path, help="run folder of train or forget")
    options.add_argument("--k", type=int, default=20, help="length of the lists")
    options.add_argument(
        "--users", type=list[int], default=None,
        help="numbers of some users, such as [0,5]; by default all",
    )
    options.add_argument(
        "--out", type=Path, default=None, help=f"file to write: {', '.join(WRITERS)}"
    )
    return options


def run(options: Namespace) -> int:
    """Answer, then write or print."""
    out = options.out
    if out is not None and (out.suffix not in WRITERS or out.is_dir()):
        raise UserError(f"{out}: wanted a file ending in {', '.join(WRITERS)}")
    trained = load_run(options.run)
    answers, rows = answered(trained, options.k, options.users)
    if out is not None:
        write_answers(out, answers, rows)
        remember(options.run, out, "predictions")
    result: dict[str, Any] = {
        "shape": list(answers.shape), "out": None if out is None else str(out)
    }
    if out is None:
        result["answers"] = answers.tolist()
    shown = rows.to_string(max_rows=ROWS_SHOWN, index=False, float_format="%.4f")
    show(result, f"wrote {out}, shape {tuple(answers.shape)}" if out else shown, options.json)
    if out is None and len(rows) > ROWS_SHOWN and not options.json:
        note(f"{len(rows)} rows; --out FILE writes them all")
    return 0


def answered(
    trained: Trained, k: int, users: list[int] | None
) -> tuple[Tensor, pd.DataFrame]:
    """Answers of a model, ``(B, k)`` or ``(R,)``, and the same with what they are about.

    Raises:
        UserError: for users that are not there, or asked of a click model.
    """
    task, data = trained.task, trained.data
    if not isinstance(task, Ranking) or not isinstance(data, Interactions):
        if users is not None:
            raise UserError("--users: this run predicts the clicks of rows; leave it out")
        rows = torch.arange(int(data.num_nodes or 0))
        clicked = trained.response(rows)[:, 1].cpu()
        table = pd.DataFrame({"row": rows.numpy(), "probability": clicked.numpy()})
        return clicked, table
    if not 1 <= k <= data.num_items:
        raise UserError(f"--k: wanted lists of 1 to {data.num_items} items, got {k}")
    asked = list(range(data.num_users)) if users is None else users
    if not asked or not 0 <= min(asked) <= max(asked) < data.num_users:
        raise UserError(f"--users: wanted numbers from 0 to {data.num_users - 1}, got {asked}")
    found = task.recommend(trained.model, data, torch.tensor(asked), k).cpu()
    return found, _as_rows(found, asked, data)


def _as_rows(found: Tensor, users: list[int], data: Interactions) -> pd.DataFrame:
    """Lists as a table: user, place from 1, item; with their names where they have any."""
    who, place = (found >= 0).nonzero(as_tuple=True)
    item = found[who, place]
    table = {
        "user": [users[at] for at in who.tolist()],
        "place": (place + 1).tolist(),
        "item": item.tolist(),
    }
    if "node_id" in data:
        called = data.names
        for side, what in enumerate(("user", "item")):
            table[f"{what}_id"] = [called[side][at] for at in table[what]]
    return pd.DataFrame(table)
