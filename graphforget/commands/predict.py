"""``graphforget predict``: the responses of a run's model, to a file or to the screen."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor

from graphforget.commands.parsing import new_parser
from graphforget.commands.runs import load_run, remember
from graphforget.commands.screen import note, show
from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically

WRITERS = (".npy", ".parquet", ".csv")
ROWS_SHOWN = 10


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "predict",
        "Write the responses of a run's model: probabilities (N, C) of all nodes, or (K,) of the "
        "pairs in a file where links are predicted.",
    )
    options.add_argument("run", type=Path, help="run folder of train or forget")
    options.add_argument(
        "--pairs", type=Path, default=None,
        help="pairs of node ids: a .npy of shape (K, 2), or a .csv or .parquet whose first two "
        "columns hold them",
    )
    options.add_argument(
        "--out", type=Path, default=None, help=f"file to write: {', '.join(WRITERS)}"
    )
    return options


def run(options: Namespace) -> int:
    """Answer, then write or print."""
    out = checked_out(options.out)
    trained = load_run(options.run)
    is_links = trained.task.test_items(trained.data).dim() == 2
    if is_links != (options.pairs is not None):
        raise UserError(
            "this run predicts links: pass the pairs to ask about with --pairs FILE"
            if is_links
            else "--pairs: this run classifies nodes and answers for all of them; leave it out"
        )
    if is_links:
        items = read_pairs(options.pairs, trained.data.num_nodes)
    else:
        items = torch.arange(trained.data.num_nodes)
    answers = trained.response(items).cpu()
    rows = as_table(items, answers, trained.data.get("node_id"))
    if out is not None:
        write_answers(out, answers, rows)
        remember(options.run, out, "predictions")
    shown = rows.to_string(max_rows=ROWS_SHOWN, index=False, float_format="%.4f")
    result = {"shape": list(answers.shape), "out": None if out is None else str(out)}
    if out is None:
        result["responses"] = answers.tolist()
    show(result, f"wrote {out}, shape {tuple(answers.shape)}" if out else shown, options.json)
    if out is None and len(rows) > ROWS_SHOWN and not options.json:
        note(f"{len(rows)} rows; --out FILE writes them all")
    return 0


def checked_out(out: Path | None) -> Path | None:
    """The file to write, or None to print.

    Raises:
        UserError: before any work, if it is none that `write_answers` writes.
    """
    if out is not None and (out.suffix not in WRITERS or out.is_dir()):
        raise UserError(f"{out}: wanted a file ending in {', '.join(WRITERS)}")
    return out


def read_pairs(path: Path, num_nodes: int) -> Tensor:
    """Read pairs of node ids, shape ``(2, K)``, from a .npy, .csv or .parquet file.

    Raises:
        UserError: for another kind of file, content that is no pairs, or ids out of range.
    """
    try:
        if path.suffix == ".npy":
            pairs = np.load(path, allow_pickle=False)
        elif path.suffix == ".csv":
            table = pd.read_csv(path)
            if all(re.fullmatch(r"[\d.]+", str(name)) for name in table.columns[:2]):
                raise UserError(f"{path}: wanted a first line with names, such as source,target")
            pairs = table.iloc[:, :2].to_numpy()
        elif path.suffix == ".parquet":
            pairs = pd.read_parquet(path).iloc[:, :2].to_numpy()
        else:
            raise UserError(f"{path}: wanted pairs in a .npy, .csv or .parquet file")
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, UserError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: wanted a table of pairs, it cannot be read ({reason})") from None
    if not isinstance(pairs, np.ndarray) or pairs.dtype.kind not in "iu":
        raise UserError(f"{path}: wanted whole numbers as node ids; check the columns")
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        raise UserError(f"{path}: wanted pairs, shape (K, 2), got shape {pairs.shape}")
    if pairs.min() < 0 or pairs.max() >= num_nodes:
        worst = pairs.min() if pairs.min() < 0 else pairs.max()
        raise UserError(f"{path}: wanted node ids from 0 to {num_nodes - 1}, got {worst}")
    return torch.from_numpy(pairs.astype(np.int64)).t().contiguous()


def as_table(
    items: Tensor, answers: Tensor, names: Tensor | list[str] | None = None
) -> pd.DataFrame:
    """Responses with what they are about, one row an item.

    Args:
        items: nodes, shape ``(K,)``, or pairs, shape ``(2, K)``.
        answers: shape ``(K, C)`` or ``(K,)``.
        names: how the user calls the nodes, shape ``(N,)``, where that is not by their row.

    >>> as_table(torch.tensor([[0], [4]]), torch.tensor([0.5])).to_dict("records")
    [{'source': 0, 'target': 4, 'probability': 0.5}]
    """
    ends = {"source": items[0], "target": items[1]} if items.dim() == 2 else {"node": items}
    columns = {name: nodes.tolist() for name, nodes in ends.items()}
    if names is not None:
        called = names.tolist() if isinstance(names, Tensor) else names
        for name, nodes in ends.items():
            columns[f"{name}_id"] = [called[node] for node in nodes.tolist()]
    if items.dim() == 2:
        return pd.DataFrame({**columns, "probability": answers.numpy()})
    classes = {f"class_{place}": column.numpy() for place, column in enumerate(answers.unbind(1))}
    return pd.DataFrame({**columns, **classes})


def write_answers(out: Path, answers: Tensor, rows: pd.DataFrame) -> None:
    """Write responses to one of `WRITERS`: alone to .npy, with what they are about to a table."""
    buffer = io.BytesIO()
    if out.suffix == ".npy":
        np.save(buffer, answers.numpy(), allow_pickle=False)
    elif out.suffix == ".parquet":
        rows.to_parquet(buffer, index=False)
    else:
        rows.to_csv(buffer, index=False)
    write_atomically(out, buffer.getvalue())
