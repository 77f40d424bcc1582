"""The board of one data set as one HTML page; nothing is fetched from outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from graphforget.audit.markup import STYLE, bullets, facts, picture, section, table
from graphforget.core.record import Record, versions
from recsys.board.aukc import convention
from recsys.board.ranks import Ranks
from recsys.board.summary import (
    Problem,
    Standing,
    beside_random,
    random_range,
    top_k,
)

CAVEATS = (
    "Random orders of the fields reach the grey band. A selector inside it has shown nothing "
    "that luck would not have given.",
    "AUKC weighs small k heavily. Who drops a few fields only should read the right end of the "
    "curves.",
    "k is chosen on validation, and the table gives its AUC on test. The best point of a test "
    "curve is not a result.",
    "Intervals draw test rows with replacement, the same rows for all. They say how sure a "
    "difference of these models is on other rows, and nothing about other seeds.",
    "Ranks of few problems have wide critical differences. A bar that joins two selectors does "
    "not say that they are equal.",
)

Differences = Mapping[str, tuple[float, float, float]]


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
        body += quality(those) + apart(differences.get((dataset, backbone), {}), against)
        body += "<p>Stability of the ranking over seeds, and what it saves:</p>"
        body += steadiness(those) + "<p>Time:</p>" + times(those) + rankings(those)
        parts.append(section(backbone, body))
    if ranks is not None:
        told = "differ" if ranks.p_value < 0.05 else "are not shown to differ"
        words = (
            f"Friedman's test over {ranks.problems} problems: p = {ranks.p_value:.3g}, selectors "
            f"{told}. Mean ranks further apart than {ranks.critical:.2f} differ (Nemenyi, 5%)."
        )
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
        "Training": str({k: v for k, v in config["training"].items() if k != "class"}),
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
    above = [one.title for one in real if beside_random(one, those) == "above"]
    told = ", ".join(above) if above else "no selector"
    return (
        f"Random orders reach an AUKC of {limits[0]:.3f} to {limits[1]:.3f}; above all of them: "
        f"{told}."
    )


def quality(those: Sequence[Standing]) -> str:
    """AUKC, and what the k that validation chooses gives on test."""
    heads = ["", "AUKC", "± over seeds", "random orders", "k by validation", "AUC", "logloss",
             "gain over all fields", "95% interval", "without retraining: AUC"]
    return table(heads, (
        [
            one.title, number(one.mean("aukc")), number(one.spread("aukc")),
            "range" if one.is_random else beside_random(one, those),
            ", ".join(f"{trial['best_k']:.0f}" for trial in one.trials if trial.curve) or "–",
            number(one.mean("best_auc")), number(one.mean("best_logloss")),
            number(one.mean("gain"), "+"),
            interval_words(one.mean("gain_low"), one.mean("gain_high")),
            number(one.mean("end_auc")),
        ]
        for one in those
    ), mark=1)


def apart(differences: Differences, against: str) -> str:
    """Differences of AUKC with their intervals."""
    if not differences:
        return ""
    rows = [[title, number(value, "+"), interval_words(low, high),
             "yes" if low > 0 or high < 0 else "no"]
            for title, (value, low, high) in sorted(
                differences.items(), key=lambda item: -item[1][0])]
    words = f"<p>AUKC less that of {escape(against)}, the same draws of test rows for both:</p>"
    return words + table(["", "difference", "95% interval", "differs"], rows, mark=1)


def steadiness(those: Sequence[Standing]) -> str:
    """Agreement of rankings over seeds, memory saved, and planted fields where there are any."""
    ranked = [one for one in those if one.trials[0].ranking]
    if not ranked:
        return "<p>No selector ranks fields.</p>"
    k = top_k(len(ranked[0].trials[0].ranking))
    planted = any(not math.isnan(one.mean("planted_found")) for one in ranked)
    heads = ["", "Kendall tau", f"top-{k} Jaccard", f"top-{k} Nogueira",
             "fields in 25 / 50 / 75% of rows", "rows at k by validation"]
    heads += ["relevant first", "found", "mean rank of noise"] if planted else []
    rows = []
    for one in ranked:
        agree = one.stability()
        row = [
            one.title, number(agree["kendall"], digits=2), number(agree["jaccard"], digits=2),
            number(agree["nogueira"], digits=2),
            " / ".join(number(one.mean(f"fields_{share}"), digits=1) for share in (25, 50, 75)),
            percent(one.mean("best_rows")),
        ]
        if planted:
            row += [percent(one.mean("planted_first")), percent(one.mean("planted_found")),
                    number(one.mean("planted_noise_rank"), digits=1)]
        rows.append(row)
    return table(heads, rows, mark=1)


def times(those: Sequence[Standing]) -> str:
    """Seconds of the search, of the retraining at all k, and of answering the test part."""
    heads = ["", "search (s)", "retraining, all k (s)", "inference, k by validation (s)",
             "inference, all fields (s)"]
    names = ("retrain_seconds", "best_inference_seconds", "all_inference_seconds")
    rows = []
    for one in those:
        search = sum(trial.record.seconds or 0.0 for trial in one.trials) / len(one.trials)
        rows.append([one.title, number(search, digits=2),
                     *(number(one.mean(name), digits=3) for name in names)])
    return table(heads, rows, mark=1)


def rankings(those: Sequence[Standing]) -> str:
    """The rankings themselves, one a selector and seed."""
    lines = {f"{one.title}, seed {trial.record.seed}": ", ".join(trial.ranking)
             for one in those if not one.is_random for trial in one.trials if trial.ranking}
    return "<p>Rankings:</p>" + facts(lines) if lines else ""


def number(value: float, sign: str = "", digits: int = 4) -> str:
    """A number, or a dash for what was not measured.

    >>> number(0.51239), number(0.01, "+"), number(float("nan"))
    ('0.5124', '+0.0100', '–')
    """
    return "–" if math.isnan(value) else f"{value:{sign}.{digits}f}"


def percent(value: float) -> str:
    """A share in percent, or a dash.

    >>> percent(0.25)
    '25%'
    """
    return "–" if math.isnan(value) else f"{value:.0%}"


def interval_words(low: float, high: float) -> str:
    """Two ends, or a dash.

    >>> interval_words(-0.01, 0.02)
    '-0.0100 to +0.0200'
    """
    return "–" if math.isnan(low) else f"{low:+.4f} to {high:+.4f}"
