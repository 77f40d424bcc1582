"""``recsys forget``: carry out requests on a run and write a new run without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.forget import done, opened, texts
from graphforget.commands.parsing import Seed
from graphforget.core.errors import UserError
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.request_file import read_requests
from graphforget.trained import Trained
from graphforget.unlearn import Retrain
from recsys.audit.forget_sets import GRAMMAR, parse_forget_set
from recsys.commands.parsing import new_parser
from recsys.commands.recommenders import own_method
from recsys.commands.spoken import numbered, sampled_clicks
from recsys.interactions import Interactions


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "forget",
        "Carry out requests on a run and write a new run, in which what they name is absent. "
        "Several requests are carried out in order.",
    )
    options.add_argument("run", type=Path, help="run folder of train or forget; it is only read")
    options.add_argument(
        "--request", type=Path, default=None,
        help="JSON file: one request, or one a line; kinds are user, item, interaction and, of "
        "click logs, feature",
    )
    options.add_argument(
        "--names", action="store_true",
        help="users and items in the file are called as in the data set, not by their numbers",
    )
    options.add_argument(
        "--sample", type=texts, action="append", default=None,
        help=f"draw a request instead; may be given several times: {GRAMMAR.replace('%', '%%')}",
    )
    options.add_argument(
        "--method", type=Unlearner | None, default=None,
        help="how to forget, such as EASEDeletion, UserS3T, Rewind, D2DGN or Retrain; its fields "
        "are options; by default the exact way of the model if it has one, else Rewind, which can "
        "be done once, or D2DGN",
    )
    options.add_argument("--seed", type=Seed, default=0, help="of the sample and the method")
    options.add_argument("--sample_seed", type=Seed, default=None, help="of the sample alone")
    options.add_argument(
        "--missing", type=Literal["error", "ignore"], default="error",
        help="what to do about pairs and others named that are not in the log",
    )
    options.add_argument(
        "--no-data", action="store_true",
        help="keep a reference to the original run and a digest instead of the log",
    )
    options.add_argument("--out", type=Path, required=True, help="run folder to write")
    options.add_argument(
        "--replace", action="store_true", help="take the place of a run folder that is there"
    )
    return options


def run(options: Namespace) -> int:
    """Draw or read the requests, carry them out, write the new run and print what came of it."""
    chosen = options.method
    options.method = chosen or Retrain()  # until it is known what the run can do
    before = opened(options)
    requests = asked_for(options, before)
    options.method = chosen or own_method(before, len(requests))
    return done(options, before, requests)


def asked_for(options: Namespace, before: Trained) -> list[ForgetRequest]:
    """The requests of a file, or those drawn by samples such as ``users:5%:core``."""
    samples = [options.sample] if isinstance(options.sample, str) else options.sample or []
    if (options.request is None) == (not samples):
        raise UserError("wanted either --request FILE or --sample TEXT, such as users:1")
    if options.request is not None:
        requests = read_requests(options.request)
        return [numbered(one, before.data) for one in requests] if options.names else requests
    if options.names:
        raise UserError("--names: is about a request file; leave it out with --sample")
    seed = options.seed if options.sample_seed is None else options.sample_seed
    return [_sampled(text, before, seed) for text in samples]


def _sampled(text: str, before: Trained, seed: int) -> ForgetRequest:
    data: Any = before.data
    if isinstance(data, Interactions):
        return parse_forget_set(text, data, before.task, seed, before.learner)
    return sampled_clicks(text, data, seed)

