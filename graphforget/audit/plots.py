"""Pictures of an audit, drawn with matplotlib's objects so that no global state is touched."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from graphforget.audit.findings import AuditReport
from graphforget.audit.words import ARMS, PLACES

COLOURS = {"forgotten": "#c8402f", "retained": "#3a6ea5", "test": "#8a8f98"}
ARM_COLOURS = {"untouched original": "#b9bec6", "after forgetting": "#c8402f",
               "retrained": "#3a6ea5"}
LEGEND = {"forgotten": "forgotten", "retained": "kept", "test": "never seen"}


def histograms(report: AuditReport) -> Figure:
    """How sure the models are, on forgotten, kept and unseen items, before, after, retrained."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    values = np.concatenate([v.cpu().numpy() for arm in report.margins.values()
                             for v in arm.values()])
    low, high = np.percentile(values, [0.5, 99.5])
    bins = np.linspace(low, max(high, low + 1e-6), 31)
    for panel, (arm, margins) in zip(panels, report.margins.items(), strict=True):
        for place, colour in COLOURS.items():
            score = np.clip(margins[place].cpu().numpy(), low, high)
            weight = np.full(len(score), 100 / len(score))
            panel.hist(score, bins, weights=weight, color=colour, alpha=0.25)
            panel.hist(score, bins, weights=weight, color=colour, histtype="step", linewidth=1.6,
                       label=LEGEND[place])
        panel.set_title(ARMS[arm], fontsize=11)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("share of items (%)")
    panels[1].set_xlabel("how sure the model is of the true answer (margin; right of 0: right)")
    panels[0].legend(frameon=False, fontsize=9)
    return figure


def distance_bars(report: AuditReport) -> Figure:
    """Distance to retraining by region: untouched, after forgetting, retrained again."""
    names = list(report.slices)
    figure = Figure(figsize=(9, 1.2 + 0.75 * len(names)), layout="constrained")
    panel = figure.subplots()
    for offset, (label, colour) in enumerate(ARM_COLOURS.items()):
        lengths = [(part.none, part.distance, part.floor)[offset]
                   for part in report.slices.values()]
        height = np.arange(len(names)) + 0.26 * (offset - 1)
        bars = panel.barh(height, lengths, height=0.24, color=colour, label=label)
        panel.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
    for place, part in enumerate(report.slices.values()):
        panel.plot([part.limit] * 2, [place - 0.4, place + 0.4], color="black", linewidth=1.2,
                   linestyle=":", label="largest that passes" if place == 0 else None)
    panel.set_yticks(np.arange(len(names)), [PLACES[name] for name in names])
    panel.invert_yaxis()
    panel.margins(x=0.1)
    panel.set_xlabel("distance of the answers to those of retrained models (0 same, 1 opposite)")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=9)
    return figure


def png(figure: Figure, dpi: int = 150) -> bytes:
    """A figure as the bytes of a PNG file; the same figure gives the same bytes."""
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(stream, format="png", dpi=dpi, metadata={"Software": None})
    return stream.getvalue()
