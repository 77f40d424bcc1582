"""Labels that look wrong, as one HTML page for an engineer; nothing is fetched from outside."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.audit.label_plots import (
    confusion,
    confusion_plot,
    doubt_histogram,
    embedding_plot,
    similarity_maps,
)
from graphforget.audit.label_words import CANNOT_SAY, FOREIGN, HOW_TO_READ, PICTURES, TRUST
from graphforget.audit.markup import STYLE, bullets, facts, picture, section, table
from graphforget.audit.plots import png
from graphforget.core.record import versions
from graphforget.learn.corrected import CorrectedLabels, corrected_labels, read
from graphforget.trained import Trained

LOOK = ".look { border-color: #b7791f; background: #fdf7ea }"
TITLE = "Which labels look wrong?"
LEVEL = 0.5
"""Share of edges within a class below which neighbours say little about a node."""


def label_report(trained: Trained, found: CorrectedLabels | None = None, most: int = 30) -> str:
    """The page about the labels of a model's training and validation nodes.

    Args:
        trained: a model that classifies nodes; pictures are drawn with its seed.
        found: its corrected labels, if they are at hand.
        most: doubtful nodes to list.

    Returns:
        A self-contained HTML document: styles inline, pictures as data URIs.

    Raises:
        UserError: the task is another, or no node has a label.
    """
    found = found or corrected_labels(trained)
    return label_page(trained, found, label_pictures(trained, found), most)


def label_pictures(trained: Trained, found: CorrectedLabels) -> dict[str, bytes]:
    """The four pictures of the page as PNG files, by the names that the words about them have."""
    z = read(trained.model, trained.data)[0].detach()[found.node].cpu()
    given, corrected = found.given.cpu(), found.corrected.cpu()
    counts = confusion(given, corrected, trained.task.out_channels)
    return {
        "confusion": png(confusion_plot(counts)),
        "doubt": png(doubt_histogram(found.doubt.cpu(), given != corrected)),
        "similarity": png(similarity_maps(z, given, corrected, trained.seed)),
        "embedding": png(embedding_plot(z, given, corrected, trained.seed)),
    }


def label_page(
    trained: Trained, found: CorrectedLabels, pictures: Mapping[str, bytes], most: int = 30
) -> str:
    """The page as text; every value from outside is escaped.

    Args:
        trained: the model and its graph.
        found: corrected labels.
        pictures: as of `label_pictures`.
        most: doubtful nodes to list.
    """
    titles = {
        "confusion": "Which labels are mixed up",
        "doubt": "How doubtful the labels are",
        "similarity": "What the model sees: how alike nodes are",
        "embedding": "What the model sees: nodes in the plane",
    }
    parts = [
        f"<h1>{TITLE}</h1>",
        '<p class="mute">Report on the labels of a graph</p>',
        _summary(found),
        section("What came in", _came_in(trained, found)),
        section("The most doubtful nodes", _doubtful(trained.data, found, most)),
        *(
            section(title, f"<p>{escape(PICTURES[name])}</p>" + picture(pictures[name], title)
                    + (_mix_ups(found) if name == "confusion" else ""))
            for name, title in titles.items()
        ),
        section("What this cannot say", bullets(CANNOT_SAY)),
        section("How it was made", facts(_made(trained))),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{TITLE}</title><style>{STYLE}{LOOK}</style></head>\n<body>\n"
        + "\n".join(parts) + "\n</body></html>\n"
    )


def within(edge_index: Tensor, labels: Tensor) -> float | None:
    """Share of edges between labelled nodes whose ends have the same label; None without any.

    Args:
        edge_index: shape ``(2, E)``.
        labels: shape ``(N,)``, -1 for none.

    >>> within(torch.tensor([[0, 1, 2, 2], [1, 2, 3, 2]]), torch.tensor([0, 0, 1, -1]))
    0.5
    """
    here, there = labels[edge_index]
    both = (here >= 0) & (there >= 0) & (edge_index[0] != edge_index[1])
    return float((here == there)[both].float().mean()) if bool(both.any()) else None


def neighbours(edge_index: Tensor, labels: Tensor, node: int) -> Tensor:
    """Labels of a node's neighbours in either direction, without those that have none.

    >>> neighbours(torch.tensor([[0, 1, 2], [1, 2, 3]]), torch.tensor([5, 6, 7, -1]), node=2)
    tensor([6])
    """
    here, there = edge_index
    near = torch.cat([there[here == node], here[there == node]]).unique()
    return labels[near[(near != node) & (labels[near] >= 0)]]


def _looked_at(data: Data, found: CorrectedLabels) -> Tensor:
    """Given labels of the nodes that were looked at, shape ``(N,)``, -1 elsewhere."""
    return torch.full_like(data.y, -1).index_copy(0, found.node, found.given)


def _summary(found: CorrectedLabels) -> str:
    wrong, count = len(found.suspects()), len(found.node)
    if not wrong:
        return (
            f'<div class="verdict pass"><strong>None of {count:,} labels looks wrong</strong>'
            "<p>Each fits its node's features and neighbours better than any other would.</p></div>"
        )
    clear = int(((found.given != found.corrected) & (found.doubt > 0.9)).sum())
    verb = "looks" if wrong == 1 else "look"
    return (
        f'<div class="verdict look"><strong>{wrong:,} of {count:,} labels {verb} wrong '
        f"({wrong / count:.1%})</strong><p>For {clear:,} of them the doubt is above 0.9. They are "
        "where to look first, not a proof.</p></div>"
    )


def _came_in(trained: Trained, found: CorrectedLabels) -> str:
    data = trained.data
    others = int((data.y >= 0).sum()) - len(found.node)
    share = within(data.edge_index, _looked_at(data, found))
    told = {
        "Graph": str(data.get("name") or "no name given"),
        "Nodes": f"{data.num_nodes:,}, with {data.num_features:,} features",
        "Edges": f"{data.num_edges:,}, each direction counts",
        "Labels looked at": f"{len(found.node):,}, of {len(found.given.unique())} classes",
        "Labels not looked at": f"{others:,}, held out for testing" if others else "none",
        "Edges within a class, by given labels": "none known" if share is None else f"{share:.0%}",
    }
    scores = trained.task.evaluate(trained.model, data)
    if "val_accuracy" in scores:
        told["Validation labels that the model predicts"] = f"{scores['val_accuracy']:.0%}"
    foreign = f"<p><strong>{FOREIGN}</strong></p>" if share is not None and share < LEVEL else ""
    return facts(told) + f"<p>{TRUST}</p>{foreign}"


def _made(trained: Trained) -> dict[str, str]:
    model = type(trained.model).__name__ if trained.learner is None else repr(trained.learner)
    return {"Model": model, "Seed": str(trained.seed), **versions()}


def _doubtful(data: Data, found: CorrectedLabels, most: int) -> str:
    places = found.suspects()
    frame = found.frame(data).iloc[places[:most].tolist()]
    if frame.empty:
        return "<p>There are none.</p>"
    labels, named = _looked_at(data, found), "node_id" in frame
    rows = []
    for row in frame.to_dict("records"):
        near = neighbours(data.edge_index, labels, row["node"])
        own, other = (int((near == row[name]).sum()) for name in ("given", "corrected"))
        rows.append([
            str(row["node_id"] if named else row["node"]),
            *([str(row["node"])] if named else []),
            str(row["given"]), str(row["corrected"]),
            f"{row['confidence']:.3f}", f"{row['doubt']:.3f}", str(len(near)), str(own), str(other),
        ])
    heads = ["node", *(["row"] if named else []), "given", "corrected", "confidence", "doubt",
             "neighbours", "with given", "with corrected"]
    first = f"The first {len(frame):,} of {len(places):,}" if len(places) > most else "All of them"
    told = f"<p>{first}, most doubtful first:</p>"
    terms = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in HOW_TO_READ.items()
    )
    return f"<dl>{terms}</dl>{told}{table(heads, rows, mark=heads.index('corrected'))}"


def _mix_ups(found: CorrectedLabels, most: int = 10) -> str:
    """The commonest changes as a table."""
    frame = found.frame().iloc[found.suspects().tolist()]
    if frame.empty:
        return ""
    counts = frame.groupby(["given", "corrected"], as_index=False).agg(
        nodes=("doubt", "size"), doubt=("doubt", "mean"))
    counts = counts.sort_values("nodes", ascending=False, kind="stable").head(most)
    rows = [
        [f"{row['given']:.0f} → {row['corrected']:.0f}", f"{row['nodes']:,.0f}",
         f"{row['doubt']:.3f}"]
        for row in counts.to_dict("records")
    ]
    return "<p>The commonest changes:</p>" + table(["change", "nodes", "mean doubt"], rows, mark=1)
