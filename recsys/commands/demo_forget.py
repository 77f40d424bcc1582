"""``recsys demo-forget``: a film lover asks to be forgotten, in about a minute."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace

from graphforget.audit import table
from graphforget.commands.audit import judged, outcome_of, written
from graphforget.commands.parsing import Seed
from graphforget.commands.requests import as_file
from graphforget.commands.runs import reference_to, remember, write_run
from graphforget.commands.screen import columns, note, show
from graphforget.commands.train import fitted
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically
from graphforget.protocols import Learner, Unlearner
from graphforget.request import ForgetRequest
from graphforget.run_folder import read_json
from graphforget.trained import Trained
from graphforget.unlearn import D2DGN, Retrain
from recsys.audit import forgotten_ranks
from recsys.commands.parsing import new_parser
from recsys.data.interactions import load_interactions
from recsys.data.recbole import read_atomic, shipped
from recsys.interactions import Interactions
from recsys.learn import BPRMF, EASE
from recsys.task import Ranking
from recsys.unlearn import EASEDeletion, UserS3T

SHOWN = 5

WAYS: tuple[tuple[Learner, Unlearner], ...] = (
    (EASE(), EASEDeletion()),
    (UserS3T(orders=1), UserS3T()),
    (BPRMF(), D2DGN()),
)
"""A model in closed form, one in slices and one by descent, each forgotten from in its own way."""


@dataclass(frozen=True, eq=False)
class Told:
    """What became of one model.

    Args:
        before: the model with the user.
        after: without him.
        seconds: of training, of forgetting and of retraining.
        ranks: median place of his films in his list, before, after and retrained.
    """

    before: Trained
    after: Trained
    seconds: tuple[float, float, float]
    ranks: tuple[float, float, float]


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "demo-forget",
        "Train three recommenders on MovieLens-100K, let a user be forgotten by each in its own "
        "way, and compare with retraining. Nothing is downloaded.",
    )
    options.add_argument(
        "--out", type=Path, default=Path("recsys-demo-forget"),
        help="folder to write; one of an earlier demo is replaced",
    )
    options.add_argument("--data", type=str, default="ml-100k", help="another log")
    options.add_argument("--root", type=str, default=None, help="where it is")
    options.add_argument("--seed", type=Seed, default=0, help="of everything drawn")
    return options


def run(options: Namespace) -> int:
    """Train, forget, compare, and say what is going on in plain words."""
    out: Path = options.out
    if out.exists() and not all((out / run / "config.json").is_file()
                                for run in ("before", "after")):
        raise UserError(f"{out}: exists and is not an earlier demo; choose another --out")
    say = note if options.json else print
    log = embedded(options.data, options.root, say)
    user = typical_user(log)
    request, title = ForgetRequest("user", (user,), reason="asked to be forgotten"), titles(log)
    say(
        f"1. Learn. {log.num_users} people, {log.num_items} items, {log.pairs.size(1):,} times "
        "somebody took one. Three recommenders learn from them."
    )
    told = {type(learner).__name__: tried(learner, method, log, request, options.seed)
            for learner, method in WAYS}
    first, sliced = (told[type(learner).__name__] for learner, _ in WAYS[:2])
    say(
        f"2. Forget. User {log.names[0][user]}, who took {(log.pairs[0] == user).sum()} of them, "
        f"asks to be forgotten. What he would have been told\n"
        f"   before:  {listed(sliced.before, user, title)}\n"
        f"   after:   {listed(sliced.after, user, title)}\n"
        "   Any stranger is told the same: nothing of him is left to go by."
    )
    with folder_atomically(out, replace=out.exists()) as new:
        write(first, request, new)
        say("3. Prove it. Two models are trained without him, to compare with.")
        report = judged(outcome_of(new / "after"), full=False, models=0, seed=options.seed)
        written(report, new / "after", None)
    page = out / "after" / "report.html"
    rows = [described(name, one) for name, one in told.items()]
    show(
        {"run": str(out / "after"), "report": str(page), "models": rows,
         **read_json(out / "after" / "metrics.json")},
        f"\n{columns(as_rows(rows))}\n\n{table(report)}\n\nThe report to show: {page}\n"
        "Next: recsys train --data ml-100k --model ease --out run, then recsys forget --help",
        options.json,
    )
    return 0


def embedded(name: str, root: str | None, say: Any) -> Interactions:
    """The log that was asked for; where MovieLens is not installed, a planted one."""
    try:
        return load_interactions(name, root)
    except UserError as error:
        if name != "ml-100k":
            raise
        say(f"{error}. Here is a planted log instead.")
        return load_interactions("planted")


def typical_user(log: Interactions) -> int:
    """The user with the median number of pairs; of equals, the first."""
    activity = log.pairs[0].bincount(minlength=log.num_users)
    return int(activity.argsort(stable=True)[log.num_users // 2])


def tried(
    learner: Learner, method: Unlearner, log: Interactions, request: ForgetRequest, seed: int
) -> Told:
    """Train, forget and retrain one model; only the deed is timed."""
    before, found = fitted(log, Ranking(), learner, seed)
    started = time.perf_counter()
    after = method(before, request, seed)
    forgetting = time.perf_counter() - started
    started = time.perf_counter()
    again = Retrain()(before, request, seed + 1)
    retraining = time.perf_counter() - started
    pairs = log.from_nodes(before.task.forgotten_items(request, log))
    ranks = [float(forgotten_ranks(each, pairs).median()) for each in (before, after, again)]
    return Told(
        before, after, (found["seconds"], forgetting, retraining), (ranks[0], ranks[1], ranks[2])
    )


def described(name: str, told: Told) -> dict[str, Any]:
    """The numbers of one model, for machines and for the table."""
    scores = [each.task.evaluate(each.model, each.data)["test_ndcg@20"]
              for each in (told.before, told.after)]
    return {
        "model": name,
        "method": type(told.after.history[-1].unlearner).__name__,
        "exact": told.after.history[-1].unlearner.exact,
        "seconds_forgetting": told.seconds[1],
        "seconds_retraining": told.seconds[2],
        "ndcg_before": scores[0],
        "ndcg_after": scores[1],
        "rank_before": told.ranks[0],
        "rank_after": told.ranks[1],
        "rank_retrained": told.ranks[2],
    }


def as_rows(models: list[dict[str, Any]]) -> list[list[str]]:
    """The table for people."""
    head = ["model", "forgotten by", "exact", "in", "retraining takes", "NDCG@20 before", "after",
            "his items' median place before", "after", "retrained"]
    rows = [
        [one["model"], one["method"], "yes" if one["exact"] else "no",
         f"{1000 * one['seconds_forgetting']:.0f} ms", f"{one['seconds_retraining']:.2f} s",
         f"{one['ndcg_before']:.3f}", f"{one['ndcg_after']:.3f}",
         *(f"{one[f'rank_{arm}']:.0f}" for arm in ("before", "after", "retrained"))]
        for one in models
    ]
    return [head, *rows]


def write(told: Told, request: ForgetRequest, folder: Path) -> None:
    """Write both runs of a model, so that they can be audited and looked at."""
    before, after = folder / "before", folder / "after"
    scores = told.before.task.evaluate(told.before.model, told.before.data)
    write_run(told.before, before, {**scores, "seconds": told.seconds[0]})
    scores = told.after.task.evaluate(told.after.model, told.after.data)
    parent = reference_to(before, told.before, after)
    write_run(
        told.after, after, {**scores, "seconds": told.seconds[1], "parent": parent},
        files={"request.json": as_file([request])},
    )
    remember(before, after, "run")


def titles(log: Interactions) -> dict[str, str]:
    """Names of films by what the log calls them, where they are known."""
    folder = shipped("ml-100k")
    if log.get("name") != "ml-100k" or folder is None:
        return {}
    films = read_atomic(folder / "ml-100k.item").to_pydict()
    return dict(zip(films["item_id"], films["movie_title"], strict=True))


def listed(trained: Trained, user: int, title: dict[str, str]) -> str:
    """What a model recommends to a user, in words."""
    data, task = trained.data, trained.task
    assert isinstance(data, Interactions) and isinstance(task, Ranking)
    (found,) = task.recommend(trained.model, data, torch.tensor([user]), SHOWN).tolist()
    names = [str(data.names[1][item]) for item in found if item >= 0]
    return "; ".join(title.get(name, f"item {name}") for name in names)
