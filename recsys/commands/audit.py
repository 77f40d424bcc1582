"""``recsys audit``: compare a run that forgot with retraining, in a table and a report."""

from __future__ import annotations

import json
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor

from graphforget.audit import table
from graphforget.commands.audit import NOT_PASSED, add_options, audited
from graphforget.commands.screen import columns, show
from graphforget.core.files import write_atomically
from graphforget.protocols import Outcome
from graphforget.run_folder import read_json
from graphforget.trained import Trained
from recsys.audit import decile_gaps, forgotten_ranks, neighbours
from recsys.audit.asked import lists
from recsys.audit.completeness import overlap
from recsys.commands.parsing import new_parser
from recsys.interactions import Interactions
from recsys.task import Ranking

SHORT = 20


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


def run(options: Namespace) -> int:
    """Audit, write the report and print the table with what only recommenders have."""
    report, folder = audited(options)
    found = beside(report.outcome)
    metrics = read_json(folder / "metrics.json")
    if found:
        metrics["recommendations"] = found
        write_atomically(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    text = [table(report), *_as_text(found), f"report: {folder / 'report.html'}"]
    show({"report": str(folder / "report.html"), **metrics}, "\n\n".join(text), options.json)
    return NOT_PASSED if options.strict and not report.verdict.passed else 0


def beside(outcome: Outcome) -> dict[str, Any]:
    """What a request changed in the lists of a recommender, before, after and retrained.

    Returns:
        ``median_rank`` of the forgotten pairs in their users' lists, ``overlap`` of the lists of
        those who share most with who was forgotten with retrained ones (1 the same), and the
        ``worst_decile`` of NDCG@20 less that of the retrained model; empty for click models.
    """
    log, request, oracle = outcome.before.data, outcome.request, outcome.oracle
    if not isinstance(log, Interactions) or oracle is None:
        return {}
    if not isinstance(outcome.before.task, Ranking):
        return {}
    pairs = log.from_nodes(outcome.before.task.forgotten_items(request, log))
    arms = {"before": outcome.before, "after": outcome.after, "retrained": oracle}
    found: dict[str, Any] = {
        "median_rank": {name: _median_rank(each, pairs) for name, each in arms.items()}
    }
    near = neighbours(log, pairs[0].unique())
    if len(near):
        theirs = lists(oracle, SHORT)[near]
        found["overlap"] = {
            name: float(overlap(lists(each, SHORT)[near], theirs).nanmean())
            for name, each in arms.items()
        }
    if outcome.after.task.test_items(outcome.after.data).size(1):
        gaps = decile_gaps(outcome.after, oracle)
        found["worst_decile"] = float(gaps[gaps.isfinite()].min())
    return found


def _median_rank(trained: Trained, pairs: Tensor) -> float:
    return float(torch.median(forgotten_ranks(trained, pairs))) if pairs.size(1) else float("nan")


def _as_text(found: dict[str, Any]) -> list[str]:
    said = {"median_rank": "Median place of forgotten pairs in their users' lists",
            "overlap": f"Top-{SHORT} lists of those nearest, shared with the retrained model"}
    rows = [[said[name], *(f"{found[name][arm]:.3g}" for arm in ("before", "after", "retrained"))]
            for name in said if name in found]
    if not rows:
        return []
    text = columns([["", "before", "after forgetting", "retrained"], *rows])
    if "worst_decile" in found:
        text += (
            f"\nNDCG@20 less the retrained model's, worst tenth of users by activity: "
            f"{found['worst_decile']:+.4f}"
        )
    return [text]
