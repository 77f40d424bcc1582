"""A graph whose labels are wrong by plan, and what a learner makes of it."""

from __future__ import annotations

from functools import cache
from statistics import mean

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.data.noise import corrupt
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.task import NodeClassification
from tests.conftest import planted_partition

ENCODER = GCN(hidden=16)
TASK = NodeClassification(2)
ASYMMETRIC = ((0.6, 0.4), (0.0, 1.0))
SYMMETRIC = ((0.7, 0.3), (0.3, 0.7))
SEEDS = (0, 1, 3, 4)


def noisy_blocks(seed: int, matrix=ASYMMETRIC, size: int = 100) -> Data:
    """Two communities; of each, 60 nodes have a label drawn from ``matrix``, the rest the true one.

    Every node has a feature of its own, so that a network can learn wrong labels by heart.
    ``clean``, shape ``(N,)``, holds the true labels.
    """
    data = planted_partition(blocks=2, size=size, seed=seed)
    generator = torch.Generator().manual_seed(100 + seed)
    data.x = data.x + torch.randn(data.x.shape, generator=generator)
    data.x = torch.cat([data.x, torch.eye(2 * size)], dim=1)
    place = torch.arange(2 * size) % size
    data.train_mask, data.val_mask = place < 50, (place >= 50) & (place < 60)
    data.test_mask = place >= 60
    data.clean = data.y
    given = corrupt(data.y, torch.tensor(matrix), generator)
    data.y = torch.where(data.test_mask, data.clean, given)
    return data


@cache
def accuracies(learner, matrix=ASYMMETRIC, seeds=SEEDS) -> tuple[float, ...]:
    """Test accuracy for each seed, which redraws graph, noise and first weights."""
    found = []
    for seed in seeds:
        data = noisy_blocks(seed, matrix)
        trained = learner.fit(data, TASK, seed)
        found.append(TASK.evaluate(trained.model, data)["test_accuracy"])
    return tuple(found)


def gain(learner, matrix=ASYMMETRIC) -> float:
    """Mean test accuracy above that of plain cross-entropy on the same draws."""
    return mean(accuracies(learner, matrix)) - mean(accuracies(CrossEntropy(ENCODER), matrix))


def random_answers(seed: int = 0, nodes: int = 7, classes: int = 4) -> tuple[Tensor, Tensor]:
    """Logits ``(K, C)`` in double precision and labels ``(K,)``."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(nodes, classes, generator=generator, dtype=torch.float64) * 3
    return logits, torch.randint(classes, (nodes,), generator=generator)


def step(learner, data: Data) -> Tensor:
    """The loss of the first step of an objective, with a gradient."""
    model = learner.build(data, TASK, 0)
    return learner.objective(data, TASK, 0)(model, torch.Generator().manual_seed(0))
