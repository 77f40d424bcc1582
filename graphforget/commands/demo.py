"""``graphforget demo``: the three verbs on an embedded graph, in about a minute."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from graphforget import learn, unlearn
from graphforget.audit import table
from graphforget.commands.audit import judged, outcome_of, written
from graphforget.commands.forget import DEFAULT, carried_out
from graphforget.commands.parsing import Seed, new_parser
from graphforget.commands.requests import as_file, asked_for
from graphforget.commands.runs import reference_to, remember, write_run
from graphforget.commands.screen import note, show
from graphforget.commands.train import fitted, prepared
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically
from graphforget.run_folder import read_json

SAMPLE = "nodes:5%"


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "demo",
        "Train a network on scikit-learn's handwritten digits, forget some of them, and compare "
        "the result with retraining. Nothing is downloaded.",
    )
    options.add_argument(
        "--out", type=Path, default=Path("graphforget-demo"),
        help="folder to write; one of an earlier demo is replaced",
    )
    options.add_argument("--seed", type=Seed, default=0, help="of everything drawn")
    return options


def run(options: Namespace) -> int:
    """Train, forget, audit, and say what is going on in plain words."""
    out: Path = options.out
    if out.exists() and not _is_demo(out):
        raise UserError(f"{out}: exists and is not an earlier demo; choose another --out")
    say = note if options.json else _print
    method = getattr(unlearn, DEFAULT)()
    with folder_atomically(out, replace=out.exists()) as new:
        before, after = new / "before", new / "after"
        data, task = prepared("digits", None, "node", options.seed)
        say(
            f"1. Learn. {data.num_nodes} handwritten digits, each linked to those that look most "
            "like it; a graph network learns to read them."
        )
        trained, metrics = fitted(data, task, learn.CrossEntropy(), options.seed)
        write_run(trained, before, metrics)
        say(f"   It reads {metrics['test_accuracy']:.1%} of the digits it has never seen.")

        requests = asked_for(None, [SAMPLE], trained, options.seed)
        say(
            f"2. Forget. {requests[0].size} of the digits it learned from are withdrawn; "
            f"{DEFAULT} makes a new model without them."
        )
        forgot, seconds = carried_out(requests, trained, method, options.seed)
        scores = forgot.task.evaluate(forgot.model, forgot.data)
        parent = reference_to(before, trained, after)
        write_run(
            forgot, after, {**scores, "seconds": seconds, "parent": parent},
            files={"request.json": as_file(requests)},
        )
        remember(before, after, "run")
        say(
            f"   Done in {seconds:.1f} s (training took {metrics['seconds']:.1f} s); it reads "
            f"{scores['test_accuracy']:.1%} of unseen digits."
        )

        say("3. Prove it. Two models are trained without the withdrawn digits, to compare with.")
        report = judged(outcome_of(after), full=False, models=0, seed=options.seed)
        written(report, after, None)
    page = out / "after" / "report.html"
    show(
        {"run": str(out / "after"), "report": str(page), **read_json(out / "after/metrics.json")},
        f"\n{table(report)}\n\nThe report to show: {page}\n"
        "Next: graphforget train --data digits --out run, then graphforget forget --help",
        options.json,
    )
    return 0


def _is_demo(folder: Path) -> bool:
    return all((folder / run / "config.json").is_file() for run in ("before", "after"))


def _print(text: str) -> None:
    print(text, flush=True)
