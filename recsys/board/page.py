"""The board of one data set as one HTML page; nothing is fetched from outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from graphforget.audit.markup import STYLE, bullets, facts, picture, section
from graphforget.core.record import Record, versions
from recsys.board.aukc import convention
from recsys.board.ranks import Ranks
from recsys.board.summary import Problem, Standing, beside_random, random_range
from recsys.board.tables import (
    Differences,
    apart,
    areas,
    chosen,
    planted,
    rankings,
    steadiness,
    times,
)

CAVEATS = (
    "Random orders of the fields reach the grey band. A selector inside it has shown nothing "
    "that luck would not have given.",
    "AUKC weighs small k heavily. Who drops a few fields only should read the right end of the "
    "curves.",
    "k is chosen on validation, and the table gives its AUC on test. The best point of a test "
    "curve is not a result.",
    "Intervals draw test rows with replacement, the same rows for all. They say how sure a "
    "difference of these models is on other rows, and nothing about other seeds. Those of the gain "
    "are the intervals of single seeds, averaged end by end.",
    "Ranks of few problems have wide critical differences. A bar that joins two selectors does "
    "not say that they are equal.",
)


def page(
    dataset: str,
    found: Mapping[Problem, Sequence[Standing]],
    failures: Sequence[Record],
    pictures: Mapping[str, bytes],
    differences: Mapping[Problem, Differences],
    against: str,
    ranks: Ranks | None,
) -> str:
    """The page as text; every value from outside is escaped.

    Args:
        dataset: name of the table.
        found: selectors by problem; those of other data sets are left out.
        failures: records of trials that did not end well.
        pictures: PNG files: the name of a backbone -> its curves, ``ranks`` -> the diagram.
        differences: of AUKC, by problem.
        against: the selector that is subtracted there.
        ranks: over all problems, or None.
    """
    own = {problem: those for problem, those in found.items() if problem[0] == dataset}
    parts = [
        f"<h1>Which fields are worth it: {escape(dataset)}</h1>",
        '<p class="mute">Feature selection for click models, judged by retraining</p>',
        section("How it was measured", facts(measured_how(own))),
    ]
    for (_, backbone), those in own.items():
        body = "<p>" + escape(verdict(those)) + "</p>"
        if backbone in pictures:
            body += picture(pictures[backbone], f"AUC against the number of fields, {backbone}")
        body += areas(those) + chosen(those)
        body += apart(differences.get((dataset, backbone), {}), against)
        body += steadiness(those) + planted(those) + times(those) + rankings(those)
        parts.append(section(backbone, body))
    if ranks is not None:
        words = rank_words(ranks)
        parts.append(section("Ranks", f"<p>{escape(words)}</p>"
                             + picture(pictures["ranks"], "Critical difference diagram")))
    if failed := [record for record in failures if record.dataset == dataset]:
        lines = [f"{record.config['title']}, {record.model}, seed {record.seed}: {record.error}"
                 for record in failed]
        parts.append(section("What did not end well", bullets(lines)))
    parts += [section("How to read this", bullets(CAVEATS)),
              section("Versions", facts(versions()))]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Which fields are worth it: {escape(dataset)}</title><style>{STYLE}</style></head>"
        "\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def measured_how(own: Mapping[Problem, Sequence[Standing]]) -> dict[str, str]:
    """What has to be known to compare a number on the page with another."""
    trials = [trial for those in own.values() for one in those for trial in one.trials]
    first = trials[0]
    config = first.record.config
    seeds = sorted({trial.record.seed for trial in trials})
    return {
        "Fields": f"{len(first.rows)}, {sum(first.rows.values()):,} embedding rows",
        "AUKC": convention(first.grid) if first.grid else "not measured",
        "Seeds": ", ".join(map(str, seeds)),
        "Bootstrap": f"{config['bootstrap']['draws']} draws of test rows",
        "Training": settings_words(config["training"]),
        "Table (SHA-256)": first.record.request["table"],
    }


def verdict(those: Sequence[Standing]) -> str:
    """The main result in a sentence."""
    limits = random_range(those)
    real = [one for one in those if one.curves and not one.is_random]
    if not real:
        return "Nothing was retrained."
    if limits is None:
        return f"{real[0].title} has the largest AUKC. No random orders were run to compare with."
    orders = sum(len(one.curves) for one in those if one.is_random)
    who = f"{orders} random orders reach" if orders > 1 else "One random order reaches"
    above = [one.title for one in real if beside_random(one, those) == "above"]
    told = ", ".join(above) if above else "no selector"
    return f"{who} an AUKC of {limits[0]:.3f} to {limits[1]:.3f}; above all of them: {told}."


def rank_words(ranks: Ranks) -> str:
    """What Friedman's and Nemenyi's tests say.

    >>> rank_words(Ranks(("a", "b"), (1.0, 2.0), float("nan"), 0.98, 4))
    'Over 4 problems mean ranks further apart than 0.98 differ (Nemenyi, 5%).'
    """
    words = f"ean ranks further apart than {ranks.critical:.2f} differ (Nemenyi, 5%)."
    if math.isnan(ranks.p_value):
        return f"Over {ranks.problems} problems m{words}"
    told = "differ" if ranks.p_value < 0.05 else "are not shown to differ"
    return (
        f"Friedman's test over {ranks.problems} problems: p = {ranks.p_value:.3g}, selectors "
        f"{told}. M{words}"
    )


def settings_words(config: Mapping[str, Any]) -> str:
    """A configuration in a line; classes by their names.

    >>> settings_words({"class": "a.Training", "epochs": 3, "optimizer": {"class": "b.Adam"}})
    'epochs 3, optimizer Adam'
    """
    said = {name: value["class"].rpartition(".")[2] if isinstance(value, Mapping) else value
            for name, value in config.items() if name != "class"}
    return ", ".join(f"{name} {value}" for name, value in said.items())
