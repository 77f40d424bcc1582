"""Tables of a page: one row a selector, a dash for what was not measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from graphforget.audit.markup import facts, table
from recsys.board.summary import Standing, beside_random, top_k
from recsys.board.words import interval_words, number, percent

Differences = Mapping[str, tuple[float, float, float]]
"""A difference and the ends of its interval, by selector."""


def areas(those: Sequence[Standing]) -> str:
    """AUKC, and the network that a search ended with, where one did."""
    ends = any(not math.isnan(one.mean("end_auc")) for one in those)
    heads = ["", "AUKC", "± over seeds", "random orders"]
    heads += ["AUC of the searched network itself"] if ends else []
    rows = [
        [one.title, number(one.mean("aukc")), number(one.spread("aukc")),
         "range" if one.is_random else beside_random(one, those) or "–",
         *([number(one.mean("end_auc"))] if ends else [])]
        for one in those
    ]
    return table(heads, rows, mark=1)


def chosen(those: Sequence[Standing]) -> str:
    """What the k that validation chooses gives on test, the mean over seeds."""
    known = [one for one in those if one.curves]
    if not known:
        return ""
    users = any(not math.isnan(one.mean("best_gauc")) for one in known)
    heads = ["", "k of each seed", "AUC", *(["gAUC"] if users else []), "logloss",
             "gain over all fields", "95% interval"]
    rows = [
        [
            one.title, ", ".join(f"{trial['best_k']:.0f}" for trial in one.trials if trial.curve),
            number(one.mean("best_auc")), *([number(one.mean("best_gauc"))] if users else []),
            number(one.mean("best_logloss")), number(one.mean("gain"), "+"),
            interval_words(one.mean("gain_low"), one.mean("gain_high")),
        ]
        for one in known
    ]
    return "<p>At the k that validation chooses:</p>" + table(heads, rows, mark=2)


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
    """Agreement of rankings over seeds, and memory saved."""
    ranked = [one for one in those if one.trials[0].ranking]
    if not ranked:
        return "<p>No selector ranks fields.</p>"
    k = top_k(len(ranked[0].trials[0].ranking))
    heads = ["", "Kendall tau", f"top-{k} Jaccard", f"top-{k} Nogueira",
             "fields in 25 / 50 / 75% of rows", "rows at k by validation"]
    rows = []
    for one in ranked:
        agree = one.stability()
        rows.append([
            one.title, number(agree["kendall"], digits=2), number(agree["jaccard"], digits=2),
            number(agree["nogueira"], digits=2),
            " / ".join(number(one.mean(f"fields_{share}"), digits=1) for share in (25, 50, 75)),
            percent(one.mean("best_rows")),
        ])
    words = "<p>Stability of the ranking over seeds, and what it saves:</p>"
    return words + table(heads, rows, mark=1)


def planted(those: Sequence[Standing]) -> str:
    """Where planted fields stand, where there are any."""
    known = [one for one in those if not math.isnan(one.mean("planted_found"))]
    if not known:
        return ""
    heads = ["", "relevant fields first", "relevant among the first", "mean rank of noise"]
    rows = [
        [one.title, percent(one.mean("planted_first")), percent(one.mean("planted_found")),
         number(one.mean("planted_noise_rank"), digits=1)]
        for one in known
    ]
    return "<p>Planted fields:</p>" + table(heads, rows, mark=1)


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
    return "<p>Time:</p>" + table(heads, rows, mark=1)


def rankings(those: Sequence[Standing]) -> str:
    """The rankings themselves, one a selector and seed."""
    lines = {f"{one.title}, seed {trial.record.seed}": ", ".join(trial.ranking)
             for one in those if not one.is_random for trial in one.trials if trial.ranking}
    return "<p>Rankings:</p>" + facts(lines) if lines else ""
