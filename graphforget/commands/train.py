"""``graphforget train``: learn a model from a graph and write a run folder."""

from __future__ import annotations

import copy
import re
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser, Namespace
from torch import Tensor
from torch_geometric.data import Data

from graphforget import learn, nn
from graphforget.audit.label_report import label_report
from graphforget.commands.devices import add_device, device_named
from graphforget.commands.parsing import Seed, add_graph, class_named, new_parser
from graphforget.commands.progress import steps_shown
from graphforget.commands.runs import refuse_taken, write_run
from graphforget.commands.screen import as_parquet, listing, show
from graphforget.core.errors import UserError
from graphforget.data.noise import LabelNoise, with_noise
from graphforget.data.noise_text import parse_noise
from graphforget.data.own import load_data
from graphforget.data.split import split_links, split_nodes
from graphforget.learn.last_epoch import last_epoch
from graphforget.protocols import Learner
from graphforget.task import LinkPrediction, NodeClassification, Task
from graphforget.trained import Trained

LABELS = "labels.parquet"
"""File of a run folder with the labels that ERASE would correct."""

REPORT = "report.html"
"""The same as a page for people, with pictures."""

MODELS = {"gcn": nn.GCN, "gat": nn.GAT, "gin": nn.GIN, "sage": nn.GraphSAGE}


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser("train", "Train a model on a graph and write a run folder.")
    add_graph(options)
    options.add_argument(
        "--task", type=Literal["node", "link"], default="node",
        help="classify nodes or predict links",
    )
    options.add_argument(
        "--model", type=Literal["gcn", "gat", "gin", "sage"], default=None,
        help="short for --learner.encoder GCN, GAT, GIN or GraphSAGE",
    )
    options.add_argument(
        "--learner", type=Learner, default=class_named(learn.CrossEntropy.__name__),
        help="how to train; its fields are options, such as --learner.epochs 50",
    )
    options.add_argument(
        "--noise", type=str, default=None,
        help="make labels wrong before training: symmetric, asymmetric, pair or random, each with "
        "a rate, such as asymmetric:0.3; test labels are left alone",
    )
    options.add_argument(
        "--clean_validation", action="store_true",
        help="with --noise: leave validation labels alone too",
    )
    options.add_argument(
        "--seed", type=Seed, default=0, help="of the split, the noise and the training"
    )
    options.add_argument(
        "--split_seed", type=Seed, default=None, help="of the split alone"
    )
    add_device(options)
    options.add_argument("--out", type=Path, required=True, help="run folder to write")
    options.add_argument(
        "--replace", action="store_true",
        help="take the place of a run folder that is there",
    )
    return options


def run(options: Namespace) -> int:
    """Train, write the run folder and print what was measured."""
    refuse_taken(options.out, options.replace)
    learner = with_model(options.learner, options.model)
    device = device_named(options.device)
    noise = wanted_noise(options.noise, options.clean_validation, options.task)
    seed = options.seed if options.split_seed is None else options.split_seed
    data, task = prepared(options.data, options.root, options.task, seed)
    measured = {}
    if noise is not None:
        clean = task.train_items(data), data.y
        data = with_noise(data, noise, options.seed, validation=not options.clean_validation)
        measured["label_noise"] = share_changed(*clean, data.y)
    trained, metrics = fitted(data.to(device), task, learner, options.seed)
    metrics |= last_scores(trained) | measured
    files: dict[str, str | bytes] = {}
    if isinstance(learner, learn.ERASE):
        found = learn.corrected_labels(trained)
        files[LABELS] = as_parquet(found.frame(data))
        files[REPORT] = label_report(trained, found)
    write_run(trained, options.out, metrics, files, replace=options.replace)
    show(
        {"run": str(options.out), "metrics": metrics},
        f"trained {learner!r}\non {options.data}, run folder {options.out}\n{listing(metrics)}",
        options.json,
    )
    return 0


def fitted(
    data: Data, task: Task, learner: Learner, seed: int
) -> tuple[Trained, dict[str, float]]:
    """Train under a progress bar; returns the model and its scores with the seconds it took."""
    task.check(data)
    with steps_shown("training", total=learner.epochs * learner.steps(data)):
        started = time.perf_counter()
        trained = learner.fit(data, task, seed)
        seconds = time.perf_counter() - started
    return trained, task.evaluate(trained.model, data) | {"seconds": seconds}


def last_scores(trained: Trained) -> dict[str, float]:
    """Scores of the last epoch, each called ``last_...``, where another one was chosen."""
    found = last_epoch(trained)
    if found is None:
        return {}
    scores = trained.task.evaluate(found[1], trained.data)
    return {f"last_{name}": score for name, score in scores.items()}


def prepared(
    name: str, root: str | None, task: Literal["node", "link"], seed: int
) -> tuple[Data, Task]:
    """Load a graph and split it for a task: a public split is kept, links are always split."""
    data = copy.copy(load_data(name, root))
    if data.get("x") is None:
        raise UserError(f"{name}: wanted a graph with features x, got one without")
    data.name = title(name)
    if task == "link":
        return split_links(data, seed), LinkPrediction()
    return split_nodes(data, seed), NodeClassification.of(data)


def wanted_noise(text: str | None, clean_validation: bool, task: str) -> LabelNoise | None:
    """The noise that the options ask for, checked before any work."""
    if text is None:
        if clean_validation:
            raise UserError("--clean_validation: without --noise all labels are left alone")
        return None
    if task == "link":
        raise UserError("--noise: links have no labels to make wrong; leave it out")
    return parse_noise(text)


def share_changed(nodes: Tensor, before: Tensor, after: Tensor) -> float:
    """Share of ``nodes``, shape ``(K,)``, whose labels, shape ``(N,)``, are not the same."""
    return float((before[nodes] != after[nodes]).float().mean()) if nodes.numel() else 0.0


def title(name: str) -> str:
    """What to call a graph in a run folder: no path, so that nothing of a machine is in it.

    >>> title("/home/me/shop.npz"), title("ogbn-arxiv")
    ('shop', 'ogbn-arxiv')
    """
    return re.sub(r"\.npz$", "", Path(name).name)


def with_model(learner: Learner, model: str | None) -> Learner:
    """The learner with the encoder that ``--model`` names; what encoders share is kept.

    >>> encoder = with_model(learn.CrossEntropy(encoder=nn.GCN(hidden=16)), "gat").encoder
    >>> type(encoder).__name__, encoder.hidden
    ('GAT', 16)
    """
    if model is None:
        return learner
    encoder: Any = getattr(learner, "encoder", None)
    wanted: Any = MODELS[model]
    if encoder is None:
        raise UserError(f"--model: {type(learner).__name__} has no encoder to choose; leave it out")
    if type(encoder) is wanted:
        return learner
    if type(encoder) is not type(type(learner)().encoder):  # type: ignore[attr-defined]
        raise UserError(
            f"--model {model}: --learner.encoder names {type(encoder).__name__}; give one of both"
        )
    known = {field.name for field in fields(wanted)}
    shared = {
        field.name: getattr(encoder, field.name)
        for field in fields(encoder)
        if field.name in known
    }
    return replace(learner, encoder=wanted(**shared))  # type: ignore[type-var]
