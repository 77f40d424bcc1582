"""The table and the pictures of `benchmarks.unlearning`: pure functions of its rows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.rows import Row, grouped
from graphforget.core.files import write_atomically

CHEAPEST = 1e-4  # shown for what costs less, on a logarithmic axis
CONTROLS = ("none", "floor", "random weights")
COLUMNS: tuple[tuple[str, Callable[[Row], float | None]], ...] = (
    ("cost", lambda row: row["cost"]),
    *((f"rho {place}", lambda row, place=place: row["rho"].get(place))
      for place in ("forgotten", "ring", "rest", "test", "same_class")),
    ("d forgotten", lambda row: row["distance"]["forgotten"]),
    ("floor", lambda row: row["floor"]["forgotten"]),
    ("test", lambda row: row["utility"].get("test_auc", row["utility"].get("test_accuracy"))),
    ("recall", lambda row: row["utility"].get("forgotten_class_recall")),
    ("other classes", lambda row: row["utility"].get("other_classes_accuracy")),
    ("forget AUC", lambda row: row["utility"].get("forget_auc")),
    ("LiRA forgotten", lambda row: row["attack"].get("forgotten")),
    ("LiRA retained", lambda row: row["attack"].get("retained")),
    ("LiRA test", lambda row: row["attack"].get("test")),
    ("excess", lambda row: row["attack"].get("excess")),
)
"""What the table shows, and where a row has it."""


@dataclass(frozen=True)
class Point:
    """A method in a picture: what it costs, and how far from retraining it stays."""

    method: str
    family: str
    cost: float
    rho: float


def pareto(points: Iterable[Point]) -> list[Point]:
    """The points that no other one beats in cost and distance, cheapest first.

    A distance below the floor is noise and counts as 0.

    >>> a, b, c = Point("a", "a", 0.1, 0.5), Point("b", "b", 0.2, 0.1), Point("c", "c", 0.3, 0.3)
    >>> [point.method for point in pareto([c, b, a])]
    ['a', 'b']
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, max(point.rho, 0))):
        if not front or max(point.rho, 0) < max(front[-1].rho, 0):
            front.append(point)
    return front


def write_table(rows: Sequence[Row], path: Path) -> Path:
    """One Markdown table a problem and request, means over seeds with standard deviations."""
    parts = ["rho is 0 for a retrained model and 1 for doing nothing; cost is CPU time over that "
             "of retraining; U-LiRA is at chance at 0.5, and membership is its excess on "
             "forgotten over test items. Mean over seeds ± standard deviation.\n"]
    for (task, dataset, request), some in grouped(rows, "task", "dataset", "request").items():
        seeds, models = ({row[name] for row in some} for name in ("seed", "models"))
        parts.append(f"## {task}, {dataset}, {request} ({len(seeds)} seeds, "
                     f"{'/'.join(map(str, sorted(models)))} models an arm)\n")
        parts.append(_table(some))
    write_atomically(path, "\n".join(parts))
    return path


def _table(rows: Sequence[Row]) -> str:
    ok = [row for row in rows if row["status"] == "ok"]
    columns = [(name, read) for name, read in COLUMNS
               if any(read(row) is not None for row in ok)]
    lines = ["| method | " + " | ".join(name for name, _ in columns) + " |",
             "|---" * (len(columns) + 1) + "|"]
    for (method,), some in grouped(rows, "method").items():
        good = [row for row in some if row["status"] == "ok"]
        if good:
            cells = [_mean([read(row) for row in good]) for _, read in columns]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
        else:
            lines.append(f"| {method} | {some[0]['status']}: {some[0]['error']}" + " |"
                         * len(columns))
    return "\n".join(lines) + "\n"


def _mean(values: Sequence[float | None]) -> str:
    there = [value for value in values if value is not None]
    if not there:
        return "–"
    mean = statistics.fmean(there)
    digits = 3 if abs(mean) >= 0.01 or mean == 0 else 5
    spread = f" ± {statistics.stdev(there):.{digits}f}" if len(there) > 1 else ""
    return f"{mean:.{digits}f}{spread}"


def points_of(rows: Iterable[Row]) -> list[Point]:
    """The methods of some rows of one problem and request, means over seeds."""
    found = []
    for (method,), some in grouped(rows, "method").items():
        ok = [row for row in some if row["status"] == "ok"
              and row["rho"].get("forgotten") is not None]
        if ok:
            cost, rho = (statistics.fmean(values) for values in zip(
                *((row["cost"], row["rho"]["forgotten"]) for row in ok), strict=True))
            found.append(Point(method, ok[0].get("family", method), cost, rho))
    return found


def write_pictures(rows: Sequence[Row], folder: Path) -> list[Path]:
    """One picture a kind of request, with a panel for each data set."""
    paths = []
    for (task, request), some in grouped(rows, "task", "request").items():
        panels = {dataset: points_of(part)
                  for (dataset,), part in grouped(some, "dataset").items()}
        path = folder / f"front-{task}-{request.replace(':', '-').replace('%', 'pc')}.png"
        picture(f"{task}, {request}", {k: v for k, v in panels.items() if v}).savefig(path, dpi=150)
        paths.append(path)
    return paths


def picture(title: str, panels: Mapping[str, Sequence[Point]]) -> Figure:
    """Distance to retraining on the forgotten items against cost, with the Pareto front."""
    figure = Figure(figsize=(1 + 6 * max(1, len(panels)), 5), layout="constrained")
    figure.suptitle(title)
    for place, (dataset, points) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), place)
        _panel(axes, [point for point in points if point.method not in CONTROLS])
        axes.set_title(dataset)
    return figure


def _panel(axes: Any, points: Sequence[Point]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=0.1)
    families = grouped(({"family": p.family, "point": p} for p in points), "family")
    for (family,), some in families.items():
        line = sorted((row["point"] for row in some), key=lambda point: point.cost)
        (drawn,) = axes.plot([_shown(p.cost) for p in line], [p.rho for p in line],
                             "o-", markersize=4, linewidth=0.8, alpha=0.8)
        axes.annotate(family, (_shown(line[-1].cost), line[-1].rho), fontsize=7,
                      xytext=(4, 3), textcoords="offset points", color=drawn.get_color())
    front = pareto(points)
    axes.step([_shown(p.cost) for p in front], [p.rho for p in front], where="post",
              color="black", linewidth=2, alpha=0.35, label="front")
    axes.axhline(0, color="green", linewidth=0.8, label="retrained")
    axes.axhline(1, color="grey", linewidth=0.8, linestyle=":", label="nothing done")
    axes.axvline(1, color="green", linewidth=0.8, linestyle=":")
    axes.set_xlabel("CPU time over retraining's")
    axes.set_ylabel("rho on the forgotten items")
    axes.legend(fontsize=7, loc="lower left")


def _shown(cost: float) -> float:
    return max(cost, CHEAPEST) if math.isfinite(cost) else CHEAPEST
