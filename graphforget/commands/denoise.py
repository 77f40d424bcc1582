"""``graphforget denoise``: find labels that are probably wrong, and what they should be."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Generator
from torch_geometric.data import Data

from graphforget import learn
from graphforget.audit.label_report import label_report
from graphforget.commands.parsing import Seed, add_graph, class_named, new_parser
from graphforget.commands.progress import steps_shown
from graphforget.commands.screen import as_parquet, note, show
from graphforget.commands.train import title
from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from graphforget.data.own import load_data
from graphforget.task import NodeClassification

VALIDATION = 0.2
"""Share of the labels of each class that choose the epoch instead of being learnt."""


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "denoise",
        "Find labels that are probably wrong. Every label of the graph is looked at, whatever "
        "part of a split it is in; a model is trained for it that wrong labels hardly reach.",
    )
    add_graph(options)
    options.add_argument(
        "--learner", type=learn.ERASE, default=class_named("ERASE"),
        help="how to train; its fields are options, such as --learner.epochs 50",
    )
    options.add_argument("--seed", type=Seed, default=0, help="of the training")
    options.add_argument(
        "--out", type=Path, default=None,
        help="Parquet file to write: node, given, corrected, confidence and doubt of every "
        "labelled node",
    )
    options.add_argument(
        "--report", type=Path, default=None,
        help="HTML file to write: a page about the labels, with the most doubtful and pictures",
    )
    options.add_argument("--show", type=int, default=20, help="how many labels to print")
    return options


def run(options: Namespace) -> int:
    """Train, write the table and print the most suspicious labels."""
    out: Path | None = options.out
    report: Path | None = options.report
    for path, ending in ((out, ".parquet"), (report, ".html")):
        if path is not None and (path.suffix != ending or os.path.isdir(path)):
            raise UserError(f"{path}: wanted a file ending in {ending}")
    if options.show < 0:
        raise UserError(f"--show: wanted a number from 0, got {options.show}")
    data = all_labelled(load_data(options.data, options.root), options.seed)
    data.name = title(options.data)
    task, learner = NodeClassification.of(data), options.learner
    with steps_shown("training", total=learner.epochs * learner.steps(data)):
        trained = learner.fit(data, task, options.seed)
    found = learn.corrected_labels(trained)
    table = found.frame(data)
    if out is not None:
        write_atomically(out, as_parquet(table))
    if report is not None:
        write_atomically(report, label_report(trained, found))
    suspects = table.iloc[found.suspects().tolist()]
    show(
        {
            "labels": len(table),
            "suspicious": len(suspects),
            "out": None if out is None else str(out),
            "report": None if report is None else str(report),
            "most_suspicious": suspects.head(options.show).to_dict("records"),
        },
        _told(table, suspects, options.show, {"all labels": out, "report": report}),
        options.json,
    )
    if out is None and len(suspects) > options.show and not options.json:
        note(f"{len(suspects)} labels are suspicious; --out FILE.parquet writes all, and "
             "--report FILE.html a page about them")
    return 0


def all_labelled(data: Data, seed: int) -> Data:
    """The graph with all of its labelled nodes in training or, a fifth of each class, validation.

    Args:
        data: with ``y``, shape ``(N,)``, -1 for no label; not changed.
        seed: of the draw.

    Raises:
        UserError: no features, or no labels.

    >>> data = Data(x=torch.eye(6), y=torch.tensor([0, 0, 0, 0, 0, -1]))
    >>> parts = all_labelled(data, seed=0)
    >>> int(parts.train_mask.sum()), int(parts.val_mask.sum()), bool(parts.train_mask[5])
    (4, 1, False)
    """
    for name, what in (("x", "features"), ("y", "labels")):
        if data.get(name) is None:
            raise UserError(f"denoise: wanted a graph with {what} {name}, got one without")
    result, labelled = copy.copy(data), data.y >= 0
    if not bool(labelled.any()):
        raise UserError("denoise: wanted some nodes with a label from 0, got none in y")
    order = torch.randperm(data.y.numel(), generator=Generator().manual_seed(seed))
    result.val_mask = torch.zeros_like(labelled)
    for label in data.y[labelled].unique().tolist():
        nodes = order[data.y[order] == label]
        result.val_mask[nodes[: int(VALIDATION * nodes.numel())]] = True
    result.train_mask = labelled & ~result.val_mask
    result.test_mask = torch.zeros_like(labelled)
    return result


def _told(
    table: pd.DataFrame, suspects: pd.DataFrame, count: int, files: Mapping[str, Path | None]
) -> str:
    lines = [f"{len(suspects)} of {len(table)} labels are suspicious"]
    if count and len(suspects):
        lines.append(suspects.head(count).to_string(index=False, float_format="%.3f"))
    lines += [f"{what}: {path}" for what, path in files.items() if path is not None]
    return "\n".join(lines)
