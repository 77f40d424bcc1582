"""Tables of `experiments.graph_exact`, from its records alone: a system a row, deletions across.

Usage: ``python -m benchmarks.exact_table results/graph-exact.jsonl``, on the file that
``python -m experiments run graph_exact --size main --out results/graph-exact.jsonl`` writes.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from graphforget.core.record import Record, read_records

MEASURES = {
    "accuracy": "Accuracy on test nodes, without repair",
    "mean_accuracy": "Accuracy, the mean of a shard's deepest stages asked",
    "repaired_accuracy": "Accuracy after repair",
    "kept": "Share of the data that the answers rest on",
    "alive": "Shards that are not dark",
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--measures", nargs="+", choices=list(MEASURES), default=list(MEASURES))
    options = parser.parse_args()
    records = [record for file in options.files for record in read_records(file)]
    print(tables(records, options.measures))


def tables(records: Sequence[Record], measures: Sequence[str] = tuple(MEASURES)) -> str:
    """Markdown tables, one a data set and measure: means over seeds, deviations behind a sign.

    Args:
        records: of the benchmark; those that failed are left out.
        measures: names in `MEASURES`; one without figures makes no table.
    """
    ok = [record for record in records if record.status == "ok"]
    parts = []
    for dataset in dict.fromkeys(record.dataset for record in ok):
        mine = [record for record in ok if record.dataset == dataset]
        for measure in measures:
            counts = sorted({
                int(found[1])
                for record in mine
                for name in record.metrics
                if (found := re.fullmatch(rf"{measure}_(\d+)", name))
            })
            if counts:
                parts += [f"## {dataset}: {MEASURES[measure]}", "", *_table(mine, measure, counts)]
    return "\n".join(parts)


def _table(records: Sequence[Record], measure: str, counts: Sequence[int]) -> list[str]:
    heads = ["system", *map(str, counts), "cost", "stages", "MB", "seeds"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for title in dict.fromkeys(record.config["title"] for record in records):
        some = [record for record in records if record.config["title"] == title]
        cells = [_cell([record.metrics.get(f"{measure}_{count}") for record in some])
                 for count in counts]
        if any(cells):
            one = some[0].metrics
            lines.append("| " + " | ".join([
                title, *cells, f"{one['training_cost']:g}", f"{one['stages']:.0f}",
                f"{one['stored_mb']:.1f}", str(len({record.seed for record in some})),
            ]) + " |")
    return [*lines, ""]


def _cell(values: Sequence[float | None]) -> str:
    there = [value for value in values if value is not None]
    if not there:
        return ""
    mean = f"{statistics.mean(there):.3f}"
    return f"{mean} ±{statistics.stdev(there):.3f}" if len(there) > 1 else mean


if __name__ == "__main__":
    main()
