"""``recsys train``: learn a recommender from a log, or a click model, and write a run folder."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace
from torch_geometric.data import Data

from graphforget.commands.parsing import Seed, class_named
from graphforget.commands.runs import refuse_taken, write_run
from graphforget.commands.screen import listing, show
from graphforget.commands.train import fitted
from graphforget.protocols import Learner
from recsys.click_log import ClickLog
from recsys.commands.parsing import new_parser
from recsys.commands.recommenders import RANKERS, learner_named, task_of
from recsys.data import load_table
from recsys.data.interactions import LOGS, load_interactions
from recsys.learn import BPRMF, ClickLearner


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser("train", "Train a recommender or a click model and write a run folder.")
    options.add_argument(
        "--data", type=str, required=True,
        help=f"a log: {', '.join(LOGS)}, or a CSV or parquet file with columns user and item; for "
        "click models a click log, see recsys select",
    )
    options.add_argument(
        "--root", type=str, default=None,
        help="folder of the public data; by default that in GRAPHFORGET_DATA",
    )
    options.add_argument(
        "--model", type=str, default=None,
        help=f"{', '.join(RANKERS)}; deepfm and other networks for clicks; short for --learner",
    )
    options.add_argument(
        "--learner", type=Learner, default=class_named(BPRMF.__name__),
        help="how to train; its fields are options, such as --learner.epochs 50",
    )
    options.add_argument(
        "--val", type=float, default=0.05, help="share of each user's pairs held out for choosing"
    )
    options.add_argument(
        "--test", type=float, default=0.2, help="share of each user's pairs held out for judging"
    )
    options.add_argument(
        "--core", type=int, default=5, help="fewest pairs of a user or an item that is kept"
    )
    options.add_argument("--seed", type=Seed, default=0, help="of the split and the training")
    options.add_argument("--split_seed", type=Seed, default=None, help="of the split alone")
    options.add_argument("--out", type=Path, required=True, help="run folder to write")
    options.add_argument(
        "--replace", action="store_true", help="take the place of a run folder that is there"
    )
    return options


def run(options: Namespace) -> int:
    """Train, write the run folder and print what was measured."""
    refuse_taken(options.out, options.replace)
    learner = learner_named(options.learner, options.model)
    data = loaded(options, learner)
    trained, metrics = fitted(data, task_of(learner), learner, options.seed)
    write_run(trained, options.out, metrics, replace=options.replace)
    show(
        {"run": str(options.out), "metrics": metrics},
        f"trained {learner!r}\non {options.data}, run folder {options.out}\n{listing(metrics)}",
        options.json,
    )
    return 0


def loaded(options: Namespace, learner: Learner) -> Data:
    """The data that a learner takes: a log split by user, or a click table as it is split."""
    if isinstance(learner, ClickLearner):
        return ClickLog.of(load_table(options.data, options.root))
    seed = options.seed if options.split_seed is None else options.split_seed
    return load_interactions(
        options.data, options.root, seed, options.val, options.test, options.core
    )
