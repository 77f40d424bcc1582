"""The audit as one HTML page for an engineer and a data protection officer.

Everything is in the one file: styles inline, pictures as data URIs, nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from graphforget.audit.findings import AuditReport
from graphforget.audit.markup import STYLE, bullets, facts, picture, section, table
from graphforget.audit.words import (
    ARMS,
    COMPARED,
    DOES_NOT_PROVE,
    GLOSSARY,
    KINDS,
    PLACES,
    SCORES,
    number,
)
from graphforget.core.record import versions
from graphforget.protocols import Outcome


def page(
    report: AuditReport,
    outcome: Outcome,
    pictures: Mapping[str, bytes],
    further: Mapping[str, str],
) -> str:
    """The page as text; every value from outside is escaped.

    Args:
        report: what the audit found.
        outcome: the run it was about.
        pictures: ``scores.png`` and ``distances.png``.
        further: heading -> what else was done, such as a certificate that was issued.
    """
    parts = [
        "<h1>Has the model forgotten?</h1>",
        '<p class="mute">Report on a request to delete data from a trained graph model</p>',
        _verdict(report),
        section("What was asked", facts(_asked(outcome))),
        section("What was done", facts(_done(report, outcome) | dict(further))),
        section(
            "Before, after, and as if never learned",
            "<p>The column to compare with is <em>retrained</em>: a model that never saw the "
            "forgotten data. <em>Retrained again</em> shows how much two such models differ by "
            "chance.</p>" + _scores(report),
        ),
        section("How far from a retrained model", _distance_words() + _distances(report)
                 + picture(pictures["distances.png"], "Distance to retraining by region")),
        section(
            "How sure the model is",
            "<p>If the model has forgotten, the red curve lies after forgetting where it lies in "
            "the retrained model, neither further right (still known) nor further left "
            "(suppressed, which also gives it away).</p>"
            + picture(pictures["scores.png"], "Histograms of margins"),
        ),
        _attacks(report),
        section("What was checked", _checks(report)),
        section("What this does not prove",
                 bullets([*report.verdict.caveats, *DOES_NOT_PROVE])),
        section("Terms", "<dl>" + "".join(
            f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>"
            for term, meaning in GLOSSARY.items()) + "</dl>"),
        section("Versions", facts(versions())),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Has the model forgotten?</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts) + "\n</body></html>\n"
    )


def _verdict(report: AuditReport) -> str:
    verdict, failed = report.verdict, [c for c in report.verdict.criteria if not c.passed]
    kind = "quick audit"
    if report.kind == "full":
        kind = f"full audit, {report.models} models of each sort"
    if verdict.passed:
        head = f"Passed ({kind})"
        body = "<p>On everything measured the model cannot be told from a retrained one.</p>"
    else:
        head = f"Not passed ({kind})"
        body = f"<p>{len(failed)} of {len(verdict.criteria)} checks failed:</p>"
        body += bullets(criterion.words for criterion in failed)
    caveats = "".join(f"<p><small>{escape(words)}</small></p>" for words in verdict.caveats)
    side = "pass" if verdict.passed else "fail"
    return f'<div class="verdict {side}"><strong>{head}</strong>{body}{caveats}</div>'


def _asked(outcome: Outcome) -> dict[str, str]:
    request = outcome.request
    one, many = KINDS.get(request.kind, (request.kind, request.kind))
    named = f"1 {one}" if request.size == 1 else f"{request.size:,} {many}"
    if request.kind == "class":
        named += f" (label {', '.join(map(str, request.index))})"
    touched = outcome.before.task.forgotten_items(request, outcome.before.data).size(-1)
    return {
        "To forget": named,
        "Items of the model's task that this touches": f"{touched:,}",
        "Request": request.id or "no name given",
        "Received": request.received_at or "not recorded",
        "Reason": request.reason or "not recorded",
        "Fingerprint of the request (SHA-256)": request.digest,
    }


def _done(report: AuditReport, outcome: Outcome) -> dict[str, str]:
    history = outcome.after.history
    step = next((step for step in reversed(history) if step.digest == outcome.request.digest), None)
    since = history[len(outcome.before.history):]
    found = {"Method": "no step for this request is recorded in the run"}
    if step is None and len(since) > 1 and len({each.unlearner for each in since}) == 1:
        step = since[-1]  # several requests, carried out one by one and judged together
    if step is not None:
        exact = "exact" if step.unlearner.exact else "approximate: its result is judged below"
        found = {
            "Method": f"{type(step.unlearner).__name__} ({exact})",
            "Settings": repr(step.unlearner),
            "Seed": str(step.seed),
        }
        if step.digest != outcome.request.digest:
            found["Requests"] = f"{len(since)}, carried out one after the other, judged as one"
    found["Time"] = _seconds(outcome.seconds)
    if "retrain" in report.costs:
        again = report.costs["retrain"].seconds
        found["Time of retraining from the start"] = _seconds(again)
        found["Time as a share of retraining"] = f"{outcome.seconds / max(again, 1e-9):.1%}"
    if "forget" in report.costs:
        cost = report.costs["forget"]
        found["Processor time, memory"] = (
            f"{_seconds(cost.cpu_seconds)}, up to {cost.peak_mb:.0f} MiB on top of what was held"
        )
    data = outcome.before.data
    found["Graph"] = (
        f"{data.num_nodes:,} nodes, {data.num_edges:,} connections (each direction counts)"
    )
    if outcome.before.learner is not None:
        found["Original training"] = repr(outcome.before.learner)
    return found


def _scores(report: AuditReport) -> str:
    arms = [getattr(report, name) for name in ARMS]
    rows = [
        [label, *(number(name, arm[name]) for arm in arms)]
        for name, label in SCORES.items() if name in report.after
    ]
    single = {COMPARED[name]: f"{value:.3g}" for name, value in report.compared.items()}
    return table(["", *ARMS.values()], rows, mark=2) + facts(single)


def _distance_words() -> str:
    return (
        "<p>0 means the same answers as a retrained model. <em>Share left</em> puts this between "
        "retraining (0%) and having done nothing (100%).</p>"
    )


def _distances(report: AuditReport) -> str:
    rows = [
        [
            PLACES[name],
            f"{part.items:,}",
            f"{part.none:.3f}",
            f"{part.distance:.3f}",
            f"{part.floor:.3f}",
            f"{part.limit:.3f}",
            f"{part.rho:.0%}" if part.telling else "–",
            "yes" if part.passed else "no",
        ]
        for name, part in report.slices.items()
    ]
    heads = ["", "items", "untouched", "after forgetting", "between retrained", "limit",
             "share left", "passed"]
    return table(heads, rows, mark=3)


def _attacks(report: AuditReport) -> str:
    if not report.attacks:
        return ""
    arms = {"none": "untouched", "after": "after forgetting", "floor": "retrained again"}
    rows = [
        [PLACES.get(name, "kept items"),
         *(f"{report.attacks[arm][name].two_sided:.3f}" for arm in arms),
         f"{report.attacks['after'][name].tpr_1:.1%}", f"{report.attacks['after'][name].tpr_5:.1%}"]
        for name in report.attacks["after"]
    ]
    rows.append(["excess of forgotten over unseen",
                 *(f"{report.excess[arm][0]:.3f}" for arm in arms), "", ""])
    words = (
        "<p>Can one tell this model from a retrained one by its answers about an item? 0.5 is "
        "guessing. What the attack reaches on unseen items is drift of the model as a whole; only "
        "the <em>excess</em> on forgotten items speaks of what it remembers. The last columns: "
        "share recognised when 1% or 5% of retrained models are accused wrongly.</p>"
    )
    heads = ["", *arms.values(), "at 1%", "at 5%"]
    return section("Attack item by item", words + table(heads, rows, mark=2))


def _checks(report: AuditReport) -> str:
    lines = [
        f'<li><span class="mark {"pass" if c.passed else "fail"}">'
        f'{"✓ passed" if c.passed else "✗ failed"}</span>{escape(c.words)}</li>'
        for c in report.verdict.criteria
    ]
    return f'<ul class="checks">{"".join(lines)}</ul>'


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
