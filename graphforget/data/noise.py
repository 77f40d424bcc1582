"""Label noise: labels made wrong on purpose, to see what a learner makes of them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError

PARTNERS, FLIPS = 1 << 40, 2 << 40
"""Added to a seed, so that neither matrices nor flips repeat the numbers that drew a split."""


@dataclass(frozen=True)
class LabelNoise(ABC):
    """How often labels of one class are seen as another, whatever the node.

    Args:
        rate: probability that a label is wrong, from 0 to below 1; what a draw realises varies.
    """

    rate: float

    def __post_init__(self) -> None:
        number = isinstance(self.rate, (int, float)) and not isinstance(self.rate, bool)
        if not number or not 0 <= self.rate < 1:
            raise UserError(f"label noise rate: wanted 0 up to below 1, got {self.rate!r}")

    def matrix(self, num_classes: int, seed: int) -> Tensor:
        """Probability that class ``i`` is seen as class ``j``, shape ``(K, K)``; rows sum to 1.

        Args:
            num_classes: ``K``.
            seed: of what is random about the matrix itself.

        Raises:
            UserError: fewer than two classes, so that no label can be wrong.
        """
        if num_classes < 2:
            raise UserError(f"label noise: wanted at least two classes, got {num_classes}")
        wrong = self._wrong(num_classes, Generator().manual_seed(seed + PARTNERS))
        return self.rate * wrong + (1 - self.rate) * torch.eye(num_classes)

    @abstractmethod
    def _wrong(self, num_classes: int, generator: Generator) -> Tensor:
        """Where a wrong label goes: ``(K, K)``, zero on the diagonal, rows sum to 1."""


@dataclass(frozen=True)
class Symmetric(LabelNoise):
    """A wrong label is any of the other classes, all equally likely; never the class itself.

    >>> Symmetric(0.3).matrix(3, seed=0)
    tensor([[0.7000, 0.1500, 0.1500],
            [0.1500, 0.7000, 0.1500],
            [0.1500, 0.1500, 0.7000]])
    """

    def _wrong(self, num_classes: int, generator: Generator) -> Tensor:
        return (1 - torch.eye(num_classes)) / (num_classes - 1)


@dataclass(frozen=True)
class Asymmetric(LabelNoise):
    """Each class has one partner that its wrong labels go to, drawn at random.

    Several classes may share a partner (spec erase_graph.md section 2). At a rate of 0.5 a class
    and its partner can be told apart by luck alone.

    >>> Asymmetric(0.3).matrix(4, seed=0).count_nonzero(dim=1)
    tensor([2, 2, 2, 2])
    """

    def _wrong(self, num_classes: int, generator: Generator) -> Tensor:
        own = torch.arange(num_classes)
        step = torch.randint(1, num_classes, (num_classes,), generator=generator)
        return torch.eye(num_classes)[(own + step) % num_classes]


@dataclass(frozen=True)
class Pair(LabelNoise):
    """Wrong labels of class ``i`` go to class ``i - 1``, and those of the first to the last.

    >>> Pair(0.25).matrix(3, seed=0)
    tensor([[0.7500, 0.0000, 0.2500],
            [0.2500, 0.7500, 0.0000],
            [0.0000, 0.2500, 0.7500]])
    """

    def _wrong(self, num_classes: int, generator: Generator) -> Tensor:
        return torch.eye(num_classes).roll(-1, dims=1)


@dataclass(frozen=True)
class RandomFlips(LabelNoise):
    """Wrong labels go to the other classes with probabilities drawn at random for each class.

    >>> RandomFlips(0.4).matrix(5, seed=0).diagonal()
    tensor([0.6000, 0.6000, 0.6000, 0.6000, 0.6000])
    """

    def _wrong(self, num_classes: int, generator: Generator) -> Tensor:
        drawn = 1 - torch.rand(num_classes, num_classes, generator=generator)  # above zero
        drawn.fill_diagonal_(0)
        return drawn / drawn.sum(1, keepdim=True)


def corrupt(y: Tensor, matrix: Tensor, generator: Generator) -> Tensor:
    """Draw each label anew from the row of its class, independently of all others.

    Args:
        y: labels, shape ``(N,)`` int64; -1 stays -1. Not changed.
        matrix: as `LabelNoise.matrix` gives it, shape ``(K, K)``.
        generator: on the CPU, so that a seed draws the same on every device.

    Returns:
        Shape ``(N,)`` int64.

    Example:
        >>> y = torch.tensor([0, 1, -1, 2])
        >>> corrupt(y, torch.eye(3).roll(1, dims=1), torch.Generator().manual_seed(0))
        tensor([ 1,  2, -1,  0])
    """
    labels = y.cpu()
    rows = matrix.cpu()[labels.clamp(min=0)]
    drawn = torch.multinomial(rows, 1, generator=generator).squeeze(1)
    return torch.where(labels >= 0, drawn, labels).to(y.device)


def with_noise(data: Data, noise: LabelNoise, seed: int, validation: bool = False) -> Data:
    """The graph with wrong training labels; test labels and all else are as they were.

    A seed makes the same training labels wrong whether validation labels are too or not.

    Args:
        data: with ``y``, shape ``(N,)``, -1 for no label, and the masks of a split, shape
            ``(N,)``; not changed.
        noise: kind and rate.
        seed: of the partners, if the kind has any, and of the flips.
        validation: make validation labels wrong by the same matrix, so that nothing clean takes
            part in choosing a model.

    Raises:
        UserError: labels or a training mask are missing, labels are no whole numbers from -1,
            or there are fewer than two classes.

    Example:
        >>> data = Data(y=torch.tensor([0, 1, 0, 1]), num_nodes=4)
        >>> data.train_mask = torch.tensor([True, True, False, False])
        >>> with_noise(data, Pair(0.999), seed=0).y
        tensor([1, 0, 0, 1])
    """
    y = data.get("y")
    if not isinstance(y, Tensor) or y.numel() == 0:
        raise UserError("label noise: wanted a graph with labels y, got one without")
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool or y.dim() != 1:
        raise UserError(
            f"label noise: wanted one whole number a node in y, got {y.dtype} of shape "
            f"{tuple(y.shape)}"
        )
    if int(y.min()) < -1:
        raise UserError(f"label noise: wanted labels from 0, or -1 for none, got {int(y.min())}")
    masks = ("train_mask", "val_mask") if validation else ("train_mask",)
    for mask in masks:
        if mask not in data:
            raise UserError(
                f"label noise: wanted a {mask}, got a graph without; split it with "
                "graphforget.data.split_nodes"
            )
    flips = Generator().manual_seed(seed + FLIPS)
    drawn = corrupt(y, noise.matrix(int(y.max()) + 1, seed), flips)
    chosen = torch.stack([data[mask] for mask in masks]).any(0)
    if "test_mask" in data:
        chosen = chosen & ~data.test_mask  # a node of two parts keeps what it is judged by
    result = copy.copy(data)
    result.y = torch.where(chosen, drawn, y)
    return result
