"""Everything that records of the board become: tables as text, pictures, a page a data set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from numpy.typing import NDArray

from graphforget.audit.plots import png
from graphforget.core.record import Record
from recsys.board.page import page
from recsys.board.pictures import critical_difference_plot, curves_plot
from recsys.board.summary import (
    Problem,
    Standing,
    beside_random,
    differences,
    ranked,
    standings,
)
from recsys.board.trial import trials
from recsys.board.words import interval_words, number

Drawn = Mapping[Problem, Mapping[str, NDArray]]
"""AUKC on each draw of test rows, by problem and selector, the mean over seeds."""


def report(
    records: Sequence[Record], drawn: Drawn | None = None, against: str = ""
) -> dict[str, bytes]:
    """Files by name: an HTML page for each data set, and the pictures in it as PNG.

    Args:
        records: of trials, failed ones too.
        drawn: for intervals of differences between selectors.
        against: the selector that others are compared with; chosen before looking.
    """
    found = standings(trials(records))
    failures = [record for record in records if record.status != "ok"]
    ranks = ranked(found)
    apart = {problem: differences(values, against) for problem, values in (drawn or {}).items()}
    files: dict[str, bytes] = {}
    if ranks is not None:
        files["ranks.png"] = png(critical_difference_plot(ranks, "Mean rank by AUKC, 1 is best"))
    for dataset in dict.fromkeys(record.dataset for record in records):
        pictures = {"ranks": files["ranks.png"]} if ranks is not None else {}
        for (name, backbone), those in found.items():
            if name == dataset and any(one.curves for one in those):
                drawing = png(curves_plot(those, f"{dataset}, {backbone}"))
                pictures[backbone] = files[f"{file_name(dataset)}-{backbone}.png"] = drawing
        if any(problem[0] == dataset for problem in found):
            text = page(dataset, found, failures, pictures, apart, against, ranks)
            files[f"{file_name(dataset)}.html"] = text.encode()
    return files


def text_rows(those: Sequence[Standing]) -> list[list[str]]:
    """The main numbers of one problem as rows of text, the first row as the heading.

    What nobody has is left out, such as the spread over seeds of a single one.
    """
    head = ["selector", "AUKC", "+- seeds", "random", "k", "AUC", "logloss",
            "gain over all fields", "search s"]
    rows = [
        [
            one.title, number(one.mean("aukc")), number(one.spread("aukc")),
            beside_random(one, those),
            ",".join(f"{trial['best_k']:.0f}" for trial in one.trials if trial.curve) or "–",
            number(one.mean("best_auc" if one.curves else "end_auc")),
            number(one.mean("best_logloss" if one.curves else "end_logloss")),
            interval_words(one.mean("gain_low"), one.mean("gain_high")),
            number(sum(t.record.seconds or 0.0 for t in one.trials) / len(one.trials), digits=2),
        ]
        for one in those
    ]
    said = [place for place in range(len(head)) if any(row[place] not in ("", "–") for row in rows)]
    return [[row[place] for place in said] for row in [head, *rows]]


def file_name(dataset: str) -> str:
    """A data set's name as part of a file's name.

    >>> file_name("my shop/2024")
    'my-shop-2024'
    """
    return re.sub(r"[^\w.-]+", "-", dataset)
