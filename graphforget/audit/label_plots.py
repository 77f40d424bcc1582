"""Pictures of corrected labels, drawn with matplotlib's objects so that no global state is touched.

Nodes are the labelled ones here, ``M`` of them, in the order of their table.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Generator, Tensor

KEPT, CHANGED = "#3a6ea5", "#c8402f"
MANY = 20
"""Classes from which on single numbers can no longer be read."""


def sample(labels: Tensor, most: int, seed: int) -> Tensor:
    """Places of nodes to draw, in the order of their labels: all, or the same share of each class.

    Args:
        labels: shape ``(M,)`` int64.
        most: how many to keep; more only where there are more classes, as each keeps one.
        seed: of the draw.

    Returns:
        Shape ``(m,)``.

    >>> sample(torch.tensor([1, 0, 0, 0, 0, 1]), most=3, seed=0).shape
    torch.Size([3])
    >>> sample(torch.tensor([1, 0, 1]), most=9, seed=0)
    tensor([1, 0, 2])
    """
    kept = min(1.0, most / max(labels.numel(), 1))
    order = torch.randperm(labels.numel(), generator=Generator().manual_seed(seed))
    drawn = []
    for label in labels.unique().tolist():
        places = order[labels[order] == label]
        drawn.append(places[: max(1, int(kept * places.numel()))].sort().values)
    return torch.cat(drawn) if drawn else order


def borders(labels: Tensor) -> tuple[list[int], list[int], list[int]]:
    """Classes of labels in order, and where the block of each begins and ends.

    >>> borders(torch.tensor([0, 0, 2]))
    ([0, 2], [0, 2], [2, 3])
    """
    classes, count = labels.unique_consecutive(return_counts=True)
    end = count.cumsum(0)
    return classes.tolist(), (end - count).tolist(), end.tolist()


def confusion(given: Tensor, corrected: Tensor, num_classes: int) -> Tensor:
    """Counts of nodes, shape ``(K, K)``: a row is a given label, a column a corrected one.

    >>> confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), num_classes=2)
    tensor([[1, 1],
            [0, 1]])
    """
    pairs = torch.bincount(given * num_classes + corrected, minlength=num_classes**2)
    return pairs.reshape(num_classes, num_classes)


def flat(z: Tensor, seed: int) -> Tensor:
    """Representations in the plane by t-SNE, similar ones together; axes have no meaning.

    It starts from the two principal components, which are what is returned for fewer than ten
    nodes. One thread, so that the same seed gives the same picture.

    Args:
        z: shape ``(M, d)``.
        seed: of t-SNE.

    Returns:
        Shape ``(M, 2)``.
    """
    centred = (z - z.mean(dim=0)).double()
    left, scale, _ = torch.linalg.svd(centred, full_matrices=False)
    plane = torch.zeros(len(z), 2, dtype=torch.float64)
    width = min(2, scale.numel())
    plane[:, :width] = (left * scale)[:, :width]
    # A singular vector is as good as its negative: let the largest entry be the positive one.
    plane *= plane.gather(0, plane.abs().argmax(dim=0, keepdim=True)).sign()
    spread = float(plane[:, 0].std(unbiased=False)) if len(z) else 0.0
    if len(z) < 10 or spread < 1e-9:
        return plane
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    tsne = TSNE(
        perplexity=min(30.0, (len(z) - 1) / 3), init=(plane / spread * 1e-4).float().numpy(),
        random_state=seed, n_jobs=1,
    )
    with threadpool_limits(1):
        return torch.from_numpy(tsne.fit_transform(centred.float().numpy()))


def similarity_maps(
    z: Tensor, given: Tensor, corrected: Tensor, seed: int, most: int = 300
) -> Figure:
    """Cosine similarity of nodes in the order of their given and of their corrected labels.

    Within a block, nodes whose label was changed come last.

    Args:
        z: representations, shape ``(M, d)``.
        given: labels as they came, shape ``(M,)``.
        corrected: shape ``(M,)``.
        seed: of the sample.
        most: nodes to draw.
    """
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    panels = figure.subplots(1, 2)
    drawn = sample(corrected, most, seed)
    unit = torch.nn.functional.normalize(z[drawn], dim=1)
    cosine = unit @ unit.T
    changed = (given != corrected)[drawn]
    low = min(float(np.percentile(cosine.numpy(), 1)), 0.99) if len(drawn) else 0.0
    for panel, (words, labels) in zip(
        panels, {"given": given[drawn], "corrected": corrected[drawn]}.items(), strict=True
    ):
        order = (2 * labels + changed).argsort(stable=True)
        image = panel.imshow(
            cosine[order][:, order].numpy(), cmap="Blues", vmin=low, vmax=1,
            interpolation="nearest",
        )
        _mark_blocks(panel, labels[order])
        panel.set_title(f"in the order of {words} labels", fontsize=11)
        panel.set_xlabel(f"{words} label of the node")
    panels[0].set_ylabel(f"{len(drawn)} nodes, the same in both pictures")
    figure.colorbar(image, ax=panels, shrink=0.75, label="cosine similarity")
    return figure


def _mark_blocks(panel: Axes, labels: Tensor) -> None:
    classes, starts, ends = borders(labels)
    width = 0.6 if len(classes) <= MANY else 0.15
    for end in ends[:-1]:
        panel.axhline(end - 0.5, color="black", linewidth=width)
        panel.axvline(end - 0.5, color="black", linewidth=width)
    centres: list[float] = []
    texts: list[str] = []
    for name, start, end in zip(classes, starts, ends, strict=True):
        centre = (start + end - 1) / 2
        if not centres or centre - centres[-1] > 0.05 * len(labels):  # or they would overlap
            centres.append(centre)
            texts.append(str(name))
    panel.set_xticks(centres, texts, fontsize=8)
    panel.set_yticks(centres, texts, fontsize=8)
    panel.tick_params(length=0)


def embedding_plot(
    z: Tensor, given: Tensor, corrected: Tensor, seed: int, most: int = 600
) -> Figure:
    """Nodes in the plane, coloured by their corrected labels, with a ring if that is another.

    Args:
        z: representations, shape ``(M, d)``.
        given: labels as they came, shape ``(M,)``.
        corrected: shape ``(M,)``.
        seed: of the sample and of t-SNE.
        most: nodes to draw.
    """
    figure = Figure(figsize=(9, 6), layout="constrained")
    panel = figure.subplots()
    drawn = sample(corrected, most, seed)
    place, label = flat(z[drawn], seed).numpy(), corrected[drawn]
    classes = label.unique().tolist()
    colours = _colours(len(classes))
    for colour, name in zip(colours, classes, strict=True):
        own = place[(label == name).numpy()]
        panel.scatter(own[:, 0], own[:, 1], s=16, color=colour, alpha=0.75, linewidth=0)
    changed = (given != corrected)[drawn].numpy()
    panel.scatter(
        place[changed, 0], place[changed, 1], s=30, facecolor="none", edgecolor="black",
        linewidth=0.7, label=f"looks wrong ({changed.sum()} of the {len(drawn)} nodes drawn)",
    )
    for colour, name in zip(colours, classes, strict=True):
        own = place[(label == name).numpy()]
        near = np.abs(own - np.median(own, axis=0)).sum(axis=1).argmin()
        panel.annotate(
            str(name), (own[near, 0], own[near, 1]), xytext=(0, 9), textcoords="offset points",
            fontsize=13 if len(classes) <= MANY else 9, fontweight="bold", color=colour,
            ha="center", va="center", path_effects=[withStroke(linewidth=3, foreground="white")],
        )
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_title("numbers and colours: corrected labels", fontsize=11)
    panel.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(0, 0))
    return figure


def _colours(count: int) -> np.ndarray:
    """As many colours, shape ``(count, 4)``, as different as that allows."""
    if count <= 10:
        return colormaps["tab10"](np.arange(count))
    if count <= MANY:
        return colormaps["tab20"](np.arange(count))
    return colormaps["turbo"](np.linspace(0, 1, count))


def confusion_plot(counts: Tensor) -> Figure:
    """Given labels against corrected ones: numbers of nodes, shaded by their share of the row.

    Args:
        counts: shape ``(K, K)``, as of `confusion`.
    """
    classes = len(counts)
    figure = Figure(figsize=(9, 2 + 0.35 * min(max(classes, 6), MANY)), layout="constrained")
    panel = figure.subplots()
    share = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    norm = PowerNorm(0.5, vmin=0, vmax=1)  # so that small shares can be seen
    image = panel.imshow(share.numpy(), cmap="Blues", norm=norm, aspect="auto")
    if classes <= MANY:
        for row, column in counts.nonzero().tolist():
            panel.text(
                column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=9,
                color="white" if share[row, column] > 0.35 else "black",
            )
        panel.set_xticks(range(classes))
        panel.set_yticks(range(classes))
    panel.set_xlabel("corrected label")
    panel.set_ylabel("given label")
    figure.colorbar(image, ax=panel, label="share of the given label")
    return figure


def doubt_histogram(doubt: Tensor, changed: Tensor) -> Figure:
    """How doubtful labels are, for those that were kept and those that were changed.

    Args:
        doubt: probability that the given label is wrong, shape ``(M,)``.
        changed: whether the corrected label is another, shape ``(M,)`` bool.
    """
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panel = figure.subplots()
    groups = {"label kept": (~changed, KEPT), "label changed": (changed, CHANGED)}
    panel.hist(
        [doubt[mask].numpy() for mask, _ in groups.values()],
        bins=np.linspace(0, 1, 41).tolist(), stacked=True,
        color=[colour for _, colour in groups.values()],
        label=[f"{words} ({int(mask.sum()):,})" for words, (mask, _) in groups.items()],
    )
    panel.set_xlim(0, 1)
    panel.set_xlabel("doubt: probability that the given label is wrong")
    panel.set_ylabel("nodes")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=9)
    return figure
