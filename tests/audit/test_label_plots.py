"""The pictures show what is in the labels, and nothing that is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphforget.audit.label_plots import (
    borders,
    confusion,
    confusion_plot,
    doubt_histogram,
    embedding_plot,
    flat,
    sample,
    similarity_maps,
)
from graphforget.audit.plots import png

LABELS = torch.arange(120) % 3


def separable(seed: int = 0) -> torch.Tensor:
    """Representations of `LABELS` with a direction of its own for each class."""
    noise = torch.rand(120, 12, generator=torch.Generator().manual_seed(seed))
    return torch.eye(12)[4 * LABELS] + 0.1 * noise


def unrelated(seed: int = 0) -> torch.Tensor:
    return torch.rand(120, 12, generator=torch.Generator().manual_seed(seed))


def contrast(z, given, corrected, panel: int) -> float:
    """By how much points of the picture within a class are darker than those between classes."""
    axes = similarity_maps(z, given, corrected, seed=0).axes[panel]
    drawn = np.asarray(axes.images[0].get_array())
    labels = np.sort((given, corrected)[panel].numpy())
    same = labels[:, None] == labels[None, :]
    other = ~np.eye(len(labels), dtype=bool)
    return float(drawn[same & other].mean() - drawn[~same].mean())


def test_blocks_are_there_if_classes_are_apart_and_absent_if_not():
    assert contrast(separable(), LABELS, LABELS, panel=1) > 0.7
    assert abs(contrast(unrelated(), LABELS, LABELS, panel=1)) < 0.02


def test_wrong_labels_blur_the_blocks_of_given_labels_only():
    given = torch.where(torch.arange(120) % 10 < 3, (LABELS + 1) % 3, LABELS)
    blurred, sharp = (contrast(separable(), given, LABELS, panel) for panel in (0, 1))
    assert sharp > 0.7 and blurred < 0.6 * sharp


def test_axes_name_the_classes_and_lines_divide_them():
    axes = similarity_maps(separable(), LABELS, LABELS, seed=0).axes[1]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "1", "2"]
    edges = sorted({line.get_ydata()[0] for line in axes.lines if line.get_xdata()[0] == 0})
    assert edges == [39.5, 79.5]


def test_a_sample_is_of_all_classes_and_no_larger_than_asked():
    labels = torch.tensor([0] * 900 + [1] * 90 + [2])
    places = sample(labels, most=100, seed=0)
    assert labels[places].unique().tolist() == [0, 1, 2] and len(places) <= 100
    assert bool((labels[places].diff() >= 0).all()) and len(places.unique()) == len(places)
    assert borders(labels[places])[0] == [0, 1, 2]
    assert torch.equal(places, sample(labels, 100, seed=0))
    assert not torch.equal(places, sample(labels, 100, seed=1))


def test_confusion_counts_every_node_once_and_the_picture_shows_the_counts():
    generator = torch.Generator().manual_seed(0)
    given, corrected = torch.randint(4, (2, 300), generator=generator)
    counts = confusion(given, corrected, num_classes=5)
    for row in range(5):
        for column in range(5):
            assert counts[row, column] == int(((given == row) & (corrected == column)).sum())
    texts = confusion_plot(counts).axes[0].texts
    assert {text.get_position(): text.get_text() for text in texts} == {
        (column, row): str(int(counts[row, column])) for row, column in counts.nonzero().tolist()
    }


def test_many_classes_are_drawn_without_numbers():
    counts = torch.eye(40, dtype=torch.int64)
    assert not confusion_plot(counts).axes[0].texts
    labels = torch.arange(40)
    assert png(embedding_plot(torch.eye(40), labels, labels, seed=0))
    assert png(similarity_maps(torch.eye(40), labels, labels, seed=0))


def test_histogram_counts_kept_and_changed_labels():
    doubt, changed = torch.tensor([0.0, 0.01, 0.99, 1.0]), torch.tensor([False, False, True, True])
    panel = doubt_histogram(doubt, changed).axes[0]
    assert panel.get_legend_handles_labels()[1] == ["label kept (2)", "label changed (2)"]
    heights = [sum(bar.get_height() for bar in bars) for bars in panel.containers]
    assert heights == [2, 2]


def test_similar_nodes_are_near_in_the_plane():
    place = flat(separable(), seed=0)
    distance = torch.cdist(place, place)
    same = LABELS[:, None] == LABELS[None, :]
    assert distance[same].mean() < 0.5 * distance[~same].mean()


def test_rings_mark_labels_that_were_changed():
    given = torch.where(torch.arange(120) < 7, (LABELS + 1) % 3, LABELS)
    panel = embedding_plot(separable(), given, LABELS, seed=0).axes[0]
    assert len(panel.collections[-1].get_offsets()) == 7
    assert "7 of the 120" in panel.get_legend().get_texts()[0].get_text()


def test_the_same_seed_gives_the_same_picture_and_no_global_seed_is_used():
    def drawn(seed: int) -> list[bytes]:
        return [
            png(picture(unrelated(), LABELS, LABELS, seed, most=60))
            for picture in (similarity_maps, embedding_plot)
        ]

    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = drawn(0)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()
    torch.manual_seed(5)
    np.random.seed(5)
    assert drawn(0) == first
    assert all(one != other for one, other in zip(drawn(1), first, strict=True))


@pytest.mark.parametrize(
    "z", [torch.zeros(30, 4), torch.ones(1, 4), torch.tensor([[0.5], [1.0], [2.0]]), torch.eye(3)]
)
def test_tiny_and_collapsed_representations_are_drawn(z):
    labels = torch.arange(len(z)) % 2
    assert bool(torch.isfinite(flat(z, seed=0)).all()) and flat(z, seed=0).shape == (len(z), 2)
    for picture in (similarity_maps, embedding_plot):
        assert png(picture(z, labels, labels, seed=0)).startswith(b"\x89PNG")
