"""``graphforget audit``: compare a run that forgot with retraining, in a table and a report."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from jsonargparse import ArgumentParser, Namespace

from graphforget.audit import AuditReport, full_audit, quick_audit, table, write_report
from graphforget.commands.devices import add_device, device_named, placed
from graphforget.commands.parsing import Seed, new_parser
from graphforget.commands.progress import steps_shown
from graphforget.commands.requests import joined
from graphforget.commands.runs import as_text, load_parent, load_run, remember
from graphforget.commands.screen import show
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically, write_atomically
from graphforget.exact.certificate import Certificate
from graphforget.protocols import Outcome
from graphforget.request_file import read_requests
from graphforget.run_folder import describe, read_json
from graphforget.trained import Trained

NOT_PASSED = 3

CERTIFICATE = "certificate.json"
"""Under this name a deletion certificate is put into a run folder, to be in its report."""


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "audit",
        "Compare a run that forgot with models retrained without the data: a table, metrics.json, "
        f"pictures and report.html. With --strict the exit code is {NOT_PASSED} if it does not "
        "pass.",
    )
    add_options(options)
    return options


def add_options(options: ArgumentParser) -> None:
    """Add what the verb takes."""
    options.add_argument("run", type=Path, help="run folder written by forget")
    options.add_argument(
        "--before", type=Path, default=None,
        help="the run that was forgotten from, if it is not where it was",
    )
    options.add_argument(
        "--oracle", type=str, default="retrain",
        help="retrain, or a run folder with a model retrained without the data",
    )
    options.add_argument(
        "--full", action="store_true",
        help="judge the method by many models instead of this run by two: for claims",
    )
    options.add_argument("--models", type=int, default=16, help="models an arm of a full audit")
    options.add_argument("--seed", type=Seed, default=0, help="of the retrained models")
    add_device(options)
    options.add_argument(
        "--out", type=Path, default=None,
        help="new folder for the report; by default it goes into the run folder",
    )
    options.add_argument(
        "--strict", action="store_true", help=f"exit with {NOT_PASSED} unless it passes"
    )


def run(options: Namespace) -> int:
    """Audit, write the report and print the table."""
    report, folder = audited(options)
    passed = report.verdict.passed
    show(
        {"report": str(folder / "report.html"), **read_json(folder / "metrics.json")},
        f"{table(report)}\n\nreport: {folder / 'report.html'}",
        options.json,
    )
    return NOT_PASSED if options.strict and not passed else 0


def audited(options: Namespace) -> tuple[AuditReport, Path]:
    """Audit and write the report; returns it and its folder."""
    if options.out is not None and os.path.lexists(options.out):
        raise UserError(f"{options.out}: exists; choose another --out")
    certified(options.run)  # a damaged certificate is refused before any work
    device = device_named(options.device)
    oracle = None if options.oracle == "retrain" else load_run(Path(options.oracle))
    outcome = outcome_of(options.run, options.before, oracle)
    outcome = replace(
        outcome,
        before=placed(outcome.before, device),
        after=placed(outcome.after, device),
        oracle=None if outcome.oracle is None else placed(outcome.oracle, device),
    )
    report = judged(outcome, options.full, options.models, options.seed)
    return report, written(report, options.run, options.out)


def outcome_of(run: Path, before: Path | None = None, oracle: Trained | None = None) -> Outcome:
    """What was asked and done, read from a run folder and the one it was made from.

    Raises:
        UserError: if the folders do not belong together.
    """
    after = load_run(run)
    if not after.history or not (run / "request.json").exists():
        raise UserError(f"{run}: forgot nothing yet; give a run folder written by forget")
    original = load_parent(run, before)
    requests = read_requests(run / "request.json")
    done = [step.digest for step in after.history[len(original.history) :]]
    if [request.digest for request in requests] != done:
        raise UserError(f"{run / 'request.json'}: these are not the requests the run carried out")
    if oracle is not None and describe(oracle.data) != describe(after.data):
        raise UserError(f"--oracle: was trained on other data than {run} has left; retrain it")
    seconds = read_json(run / "metrics.json").get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise UserError(f"{run / 'metrics.json'}: wanted seconds, a number; it is damaged")
    request = joined(requests, original.data)
    return Outcome(original, after, request, float(seconds), oracle)


def judged(outcome: Outcome, full: bool, models: int, seed: int) -> AuditReport:
    """The quick audit of a run, or the full audit of its method, under a progress bar."""
    before = outcome.before
    if not full:
        if before.learner is None:
            return quick_audit(outcome, seed=seed)
        total = before.learner.epochs * before.learner.steps(outcome.after.data)
        with steps_shown("retraining", total=total * (2 if outcome.oracle is None else 1)):
            return quick_audit(outcome, seed=seed)
    if before.learner is None:
        raise UserError("--full: the run does not say how it was trained; audit it without --full")
    if outcome.oracle is not None:
        raise UserError("--full trains its own retrained models; leave --oracle out")
    method = outcome.after.history[-1].unlearner
    with steps_shown(f"training {3 * models} models"):
        return full_audit(
            method, before.learner, before.data, before.task, outcome.request, models, seed
        )


def certified(run: Path) -> dict[str, str]:
    """The line of the report for a deletion certificate that lies in the run folder."""
    if not (run / CERTIFICATE).exists():
        return {}
    return {"Deletion certificate": Certificate.read(run / CERTIFICATE).line()}


def written(report: AuditReport, run: Path, out: Path | None) -> Path:
    """Write the report to a folder of its own, or into the run folder beside what is there."""
    further = certified(run)
    if out is not None:
        with folder_atomically(out) as new:
            files_of_report = write_report(report, report.outcome, new, further)
        for file in files_of_report:
            remember(run, out / file.name, "report")
        return out
    kept = read_json(run / "metrics.json")
    with TemporaryDirectory() as scratch:
        files = {file.name: file.read_bytes()
                 for file in write_report(report, report.outcome, scratch, further)}
    found = json.loads(files.pop("metrics.json"))
    for name, content in files.items():
        write_atomically(run / name, content)
    write_atomically(run / "metrics.json", as_text(kept | found))  # last: it names the verdict
    return run
