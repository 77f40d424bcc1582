"""``graphforget s3t train``: cut a graph into shards, train their stages, make a service folder."""

from __future__ import annotations

import time
from dataclasses import fields, replace

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor
from torch_geometric.data import Data

from graphforget.commands.parsing import Seed, add_graph, class_named, new_parser
from graphforget.commands.progress import steps_shown
from graphforget.commands.runs import refuse_taken
from graphforget.commands.s3t_choices import (
    Choices,
    add_choices,
    check_public,
    choices_of,
    chosen,
)
from graphforget.commands.screen import listing, show
from graphforget.commands.services import add_service, pool_of
from graphforget.commands.train import prepared, title
from graphforget.core.errors import UserError
from graphforget.exact import S3T, SliceSubsets
from graphforget.exact.beginning import is_new
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.hosts import LocalHosts
from graphforget.exact.layout import create_system, open_system
from graphforget.exact.manifest import Manifest
from graphforget.exact.plan import Plan
from graphforget.exact.router import Router, key_beside
from graphforget.exact.sharded import Sharded
from graphforget.exact.train import train_all

SIZES = ("shards", "slices", "orders", "cost")


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "s3t train",
        "Cut a graph into shards and slices, train every stage, and write a folder that can "
        "forget in milliseconds and answer on.",
    )
    add_service(options, "folder to write")
    add_graph(options)
    options.add_argument(
        "--learner", type=Sharded, default=class_named(S3T.__name__),
        help="S3T (chains of stages), SliceSubsets or SISA; its fields are options, such as "
        "--learner.epochs 50",
    )
    for size in SIZES:
        options.add_argument(
            f"--{size}", type=float if size == "cost" else int, default=None,
            help=f"short for --learner.{size}; see s3t plan",
        )
    add_choices(options)
    options.add_argument("--hosts", type=int, default=1, help="processes that shards live in")
    options.add_argument("--seed", type=Seed, default=0, help="of the split and the training")
    options.add_argument(
        "--resume", action="store_true", help="go on with a training that was ended half way"
    )
    return options


def run(options: Namespace) -> int:
    """Cut, train, and print how well the service answers."""
    learner = sized(options.learner, {size: options[size] for size in SIZES})
    if not learner.exact:
        raise UserError(
            f"--learner: wanted an exact one, since a service certifies deletions, got "
            f"{type(learner).__name__}; use it with graphforget train and forget"
        )
    choices = choices_of(options)
    pool = pool_of(options)
    data, task = prepared(options.data, options.root, "node", options.seed)
    plan = planned(learner, data, choices)
    manifest = Manifest(
        plan, learner.recipe(task), options.seed,  # type: ignore[arg-type]
        hosts=options.hosts, several=learner.several, data=title(options.data),
    )
    if options.resume:
        _check_same(options, manifest)
    else:
        refuse_taken(options.folder, replace=False)
        create_system(
            options.folder, manifest, lambda place: GraphSource.write(place, data, plan)
        )
    started = time.perf_counter()
    with pool, steps_shown("training"):
        stages = train_all(pool, options.folder)
    seconds = time.perf_counter() - started
    with Router(options.folder, LocalHosts(options.folder), options.key) as router:
        scores = accuracy(router.predict(), data)
    metrics = {**scores, "seconds": seconds, "stages": stages}
    key = key_beside(options.folder) if options.key is None else options.key
    show(
        {"folder": str(options.folder), "key": str(key), "metrics": metrics},
        f"trained {learner!r}\non {options.data}, service folder {options.folder}\n"
        f"{listing(metrics)}\nkeep {key} apart from the folder: without it nobody is known",
        options.json,
    )
    return 0


def sized(learner: Sharded, sizes: dict[str, int | float | None]) -> Sharded:
    """The learner with the sizes that were given apart from it.

    >>> sized(S3T(), {"shards": 2, "orders": None}).shards
    2
    """
    given = {name: size for name, size in sizes.items() if size is not None}
    known = {field.name for field in fields(learner)}
    for name in given:
        if name not in known:
            raise UserError(
                f"--{name}: {type(learner).__name__} has no {name}; leave it out, or choose "
                "another --learner"
            )
    return replace(learner, **given)  # type: ignore[arg-type]


def planned(learner: Sharded, data: Data, choices: Choices) -> Plan:
    """The plan of a learner, as files would have it."""
    plan = learner.plan(data)
    if choices == Choices():
        return plan
    check_public(choices.public, int(data.num_nodes or 0))
    if choices.prior and choices.orders:
        raise UserError("--prior: orders are chosen by it, and --orders-file has them already")
    return chosen(
        plan, choices,
        orders=learner.orders if isinstance(learner, S3T) else None,
        cost=learner.cost if isinstance(learner, SliceSubsets) else None,
    )


def accuracy(answers: np.ndarray, data: Data) -> dict[str, float]:
    """Share of right answers, shape ``(N, C)``, among validation and test nodes."""
    scores = {}
    for part in ("val", "test"):
        mask = data.get(f"{part}_mask")
        if isinstance(mask, Tensor) and bool(mask.any()):
            chosen = mask.numpy()
            right = answers[chosen].argmax(1) == data.y.numpy()[chosen]
            scores[f"{part}_accuracy"] = float(right.mean())
    return scores


def _check_same(options: Namespace, manifest: Manifest) -> None:
    system = open_system(options.folder)
    if system.manifest != manifest:
        raise UserError(
            f"{options.folder}: was begun with other options; give the same ones with --resume"
        )
    if not is_new(system.layout):
        raise UserError(f"{options.folder}: is trained and serves already; use s3t repair")
