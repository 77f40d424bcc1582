"""Writing an audit down: numbers for machines, pictures, and one page for people."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graphforget.audit.findings import AuditReport
from graphforget.audit.page import page
from graphforget.audit.plots import distance_bars, histograms, png
from graphforget.audit.words import ARMS, COMPARED, PLACES, SCORES, number
from graphforget.core.files import write_atomically
from graphforget.protocols import Outcome


def write_report(
    report: AuditReport,
    outcome: Outcome,
    folder: str | Path,
    further: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write ``metrics.json``, two PNG plots and a self-contained ``report.html``.

    Args:
        report: what the audit found.
        outcome: the run it was about.
        folder: made if it is not there; files of these names are replaced.
        further: heading -> what else the page shall say was done.

    Returns:
        The files written.
    """
    folder = Path(folder)
    pictures = {
        "scores.png": png(histograms(report)),
        "distances.png": png(distance_bars(report)),
    }
    files: dict[str, str | bytes] = {
        "metrics.json": json.dumps(to_json(report), indent=2, allow_nan=False) + "\n",
        **pictures,
        "report.html": page(report, outcome, pictures, further or {}),
    }
    for name, content in files.items():
        write_atomically(folder / name, content)
    return [folder / name for name in files]


def to_json(report: AuditReport) -> dict[str, Any]:
    """The numbers of an audit, without the margins; NaN and infinity become null."""
    slices = {
        name: asdict(part)
        | {"rho": part.rho, "limit": part.limit, "passed": part.passed, "telling": part.telling}
        for name, part in report.slices.items()
    }
    content = {
        "kind": report.kind,
        "models": report.models,
        "before": report.before,
        "after": report.after,
        "oracle": report.oracle,
        "floor": report.floor,
        "spread": report.spread,
        "retrain_gap": report.retrain_gap,
        **report.compared,
        "regions": slices,
        "weights": asdict(report.weights),
        "attacks": {arm: {name: asdict(found) for name, found in places.items()}
                    for arm, places in report.attacks.items()},
        "membership_excess": report.excess,
        "costs": {name: asdict(cost) for name, cost in report.costs.items()},
        "verdict": {
            "passed": report.verdict.passed,
            "words": report.verdict.words,
            "criteria": [asdict(criterion) for criterion in report.verdict.criteria],
            "caveats": report.verdict.caveats,
        },
    }
    return _finite(content)


def table(report: AuditReport) -> str:
    """The audit as text for a terminal."""
    scores = [
        [SCORES[name], *(number(name, arm[name]) for arm in _arms(report))]
        for name in SCORES if name in report.after
    ]
    lines = _columns(["", *ARMS.values()], scores)
    lines += [f"{COMPARED[name]}: {value:.3g}" for name, value in report.compared.items()]
    distances = [
        [PLACES[name], f"{part.none:.3f}", f"{part.distance:.3f}", "", f"{part.floor:.3f}",
         f"{part.rho:.0%}" if part.telling else "-", "yes" if part.passed else "NO"]
        for name, part in report.slices.items()
    ]
    heads = ["distance to retrained", *ARMS.values(), "left", "passed"]
    lines += ["", *_columns(heads, distances)]
    if report.attacks:
        attacks = [
            [PLACES.get(name, "kept items"),
             *(f"{report.attacks[arm][name].two_sided:.3f}" for arm in ("none", "after")), "",
             f"{report.attacks['floor'][name].two_sided:.3f}"]
            for name in report.attacks["after"]
        ]
        lines += ["", *_columns(["attack item by item", *ARMS.values()], attacks)]
    lines += ["", "PASSED" if report.verdict.passed else "NOT PASSED"]
    failed = [criterion for criterion in report.verdict.criteria if not criterion.passed]
    lines += [f"- {criterion.words}" for criterion in failed]
    lines += [f"Note: {words}" for words in report.verdict.caveats]
    return "\n".join(lines)


def _arms(report: AuditReport) -> Iterable[dict[str, float]]:
    return (dict(getattr(report, name)) for name in ARMS)


def _columns(head: list[str], rows: list[list[str]]) -> list[str]:
    """Text columns, the first flush left, the others right."""
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, *rows]
    ]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return value
