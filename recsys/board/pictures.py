"""Pictures of the board, drawn with matplotlib's objects so that no global state is touched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from recsys.board.curve import Curve
from recsys.board.ranks import Ranks
from recsys.board.summary import Standing, random_band

GREY = "#8a8f98"
STYLES = ("-", "--", ":", "-.")

LABELS = 24
"""So many fit beside a picture of the usual height, and so many ticks on a line."""


def curves_plot(those: Sequence[Standing], title: str) -> Figure:
    """AUC against the number of fields, the mean over seeds, with the band of random orders.

    Args:
        those: selectors on one table with one backbone, the best first; one at least has a curve.
        title: above the picture.
    """
    shade = random_band(those)
    drawn = [one for one in those if one.curves and not one.is_random]
    height = 5.2 + 0.17 * max(0, len(drawn) - LABELS)
    figure = Figure(figsize=(9, height), layout="constrained")
    panel = figure.subplots()
    if shade is not None:
        low, mean, high = shade
        grid = next(one.curves[0].grid for one in those if one.is_random and one.curves)
        orders = sum(len(one.curves) for one in those if one.is_random)
        panel.fill_between(grid, low, high, color=GREY, alpha=0.22, linewidth=0,
                           label=f"random orders ({orders}), range")
        panel.plot(grid, mean, color=GREY, linewidth=1, linestyle="--", label="their mean")
    colours = colormaps["tab10"](np.arange(10))
    for place, one in enumerate(drawn):
        grid, auc = one.curves[0].grid, _mean_auc(one.curves)
        panel.plot(
            grid, auc, color=colours[place % 10], linestyle=STYLES[place // 10 % len(STYLES)],
            marker="o", markersize=3, linewidth=1.5, label=f"{one.title}  {one.mean('aukc'):.3f}",
        )
    whole = float(np.nanmean([one.mean("all_auc") for one in those]))
    panel.axhline(whole, color="black", linewidth=0.8, linestyle=":", label="all fields")
    panel.set_xlabel("number of fields k")
    panel.set_ylabel("test AUC after retraining")
    panel.set_title(title, fontsize=11)
    panel.spines[["top", "right"]].set_visible(False)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside right upper", frameon=False, fontsize=8, title="AUKC",
                  title_fontsize=8)
    return figure


def _mean_auc(curves: Sequence[Curve]) -> np.ndarray:
    return np.mean([curve.auc for curve in curves], axis=0)


def critical_difference_plot(ranks: Ranks, title: str) -> Figure:
    """Mean ranks on a line, the best on the left; a bar joins what the test cannot tell apart.

    Demsar, JMLR 7 (2006), Figure 1.

    Args:
        ranks: two methods or more.
        title: above the picture.
    """
    count = len(ranks.methods)
    half = (count + 1) // 2
    groups = ranks.groups()
    figure = Figure(figsize=(9, 1.5 + 0.26 * half + 0.12 * len(groups)), layout="constrained")
    panel = figure.subplots()
    panel.set_axis_off()
    panel.set_title(title, fontsize=11)
    low, high = 1, count
    panel.plot([low, high], [0, 0], color="black", linewidth=1)
    for tick in range(low, high + 1):
        panel.plot([tick, tick], [0, 0.12], color="black", linewidth=1)
        if (tick - low) % (1 + count // LABELS) == 0:
            panel.text(tick, 0.2, str(tick), ha="center", va="bottom", fontsize=8)
    wide = min(ranks.critical, high - low)
    panel.plot([low, low + wide], [0.95, 0.95], color="black", linewidth=2)
    panel.text(low + wide / 2, 1.02, f"critical difference {ranks.critical:.2f}", ha="center",
               va="bottom", fontsize=8)
    bars = 0.22 * (len(groups) + 1)
    for place, (first, last) in enumerate(groups):
        height = -0.22 * (place + 1)
        panel.plot([ranks.mean[first] - 0.04, ranks.mean[last] + 0.04], [height, height],
                   color="#c8402f", linewidth=3, solid_capstyle="round")
    room = 0.12 * (high - low)
    for place, (name, rank) in enumerate(zip(ranks.methods, ranks.mean, strict=True)):
        left = place < half
        height = -bars - 0.4 * (place if left else count - 1 - place) - 0.2
        _callout(panel, name, rank, height, low - room if left else high + room, left)
    panel.set_xlim(low - 3 * room, high + 3 * room)
    panel.set_ylim(top=1.6)
    return figure


def _callout(
    panel: Axes, name: str, rank: float, height: float, side: float, left: bool
) -> None:
    panel.plot([rank, rank, side], [0, height, height], color="black", linewidth=0.8)
    words = f"{name}  {rank:.2f} " if left else f" {rank:.2f}  {name}"
    panel.text(side, height, words, ha="right" if left else "left", va="center", fontsize=9)
