"""One short table of many cells: a row a method, a column a data set and request.

    python -m benchmarks.summary results/unlearning-node.jsonl [--measure cost] [--only PATTERN]

Tables are a pure function of the files; `benchmarks.unlearning` writes those.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.rows import Row, grouped, read_rows

MEASURES: dict[str, Callable[[Row], float | None]] = {
    "rho forgotten": lambda row: row["rho"].get("forgotten"),
    "rho ring": lambda row: row["rho"].get("ring"),
    "rho test": lambda row: row["rho"].get("test"),
    "distance forgotten": lambda row: row["distance"]["forgotten"],
    "cost": lambda row: row["cost"],
    "excess": lambda row: row["attack"].get("excess"),
    "attack test": lambda row: row["attack"].get("test"),
    "test score": lambda row: row["utility"].get(
        "test_auc", row["utility"].get("test_accuracy")
    ),
    "recall": lambda row: row["utility"].get("forgotten_class_recall"),
    "other classes": lambda row: row["utility"].get("other_classes_accuracy"),
}


def main() -> None:
    """Print the table of one measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--measure", choices=list(MEASURES), default="rho forgotten")
    parser.add_argument("--only", default="", help="methods whose names match this")
    options = parser.parse_args()
    rows = [row for file in options.files for row in read_rows(file)
            if re.search(options.only, row["method"])]
    print(summary(rows, MEASURES[options.measure]))


def summary(rows: Sequence[Row], measure: Callable[[Row], float | None]) -> str:
    """A Markdown table of means over seeds, with standard deviations where there are several.

    Args:
        rows: of `benchmarks.unlearning`; those that were refused or failed are left out.
        measure: reads a figure off a row.
    """
    ok = [row for row in rows if row["status"] == "ok"]
    cells = grouped(ok, "dataset", "request")
    names = list(dict.fromkeys(row["method"] for row in ok))
    heads = [f"{dataset} {request} ({len({row['seed'] for row in some})})"
             for (dataset, request), some in cells.items()]
    lines = ["| method | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in names:
        found = [
            _mean([measure(row) for row in some if row["method"] == name])
            for some in cells.values()
        ]
        if any(found):
            lines.append(f"| {name} | " + " | ".join(found) + " |")
    return "\n".join(lines)


def _mean(values: Sequence[float | None]) -> str:
    there = [value for value in values if value is not None]
    if not there:
        return ""
    spread = f" ± {statistics.stdev(there):.3f}" if len(there) > 1 else ""
    return f"{statistics.fmean(there):.3f}{spread}"


if __name__ == "__main__":
    main()
