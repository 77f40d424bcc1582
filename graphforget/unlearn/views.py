"""The graphs that losses are taken on: whole where training was whole, cut where it was not."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing

from graphforget.core.neighborhood import Adjacency, induced
from graphforget.data.batches import node_batches
from graphforget.protocols import Objective
from graphforget.task import Task
from graphforget.task.links import random_pairs
from graphforget.trained import Trained


def training_objective(trained: Trained, data: Data, seed: int) -> Objective:
    """The learner's objective on ``data``, or the task's own for a model without a learner."""
    if trained.learner is not None:
        return trained.learner.objective(data, trained.task, seed)
    return lambda model, generator: trained.task.loss(model, data, generator)


def around(trained: Trained, items: Tensor) -> tuple[Data, Tensor]:
    """A graph in which the model gives the ``items`` their answers, and their ids in it.

    That is the original graph, or, if the learner trains on batches because the graph is large,
    the part of it that reaches the items: one hop for each layer, and one more for the degrees
    that some layers normalise by.

    Args:
        trained: the model and its data.
        items: nodes, shape ``(K,)``, or links, shape ``(2, K)``.
    """
    data, layers = trained.data, len(message_passing(trained.model))
    if not batch_nodes(trained) or layers == 0:
        return quick_input(trained, data), items
    adjacency = Adjacency.of(data.edge_index, data.num_nodes)
    nodes = adjacency.khop(items.unique(), layers + 1)
    return induced(data, nodes, adjacency), torch.searchsorted(nodes, items.contiguous())


def answered(trained: Trained, data: Data, seed: int) -> Iterator[tuple[Data, Tensor]]:
    """Endless graphs with the original model's output on each, shape ``(N, C)``.

    ``data`` again and again, with the output computed once, or batches of it if the learner
    trains on batches.
    """
    size = batch_nodes(trained)
    if not size:
        data = quick_input(trained, data)
        output = _output(trained.model, data)
        while True:
            yield data, output
    while True:
        for batch in node_batches(data, size, seed):
            yield batch, _output(trained.model, batch)


def questions(task: Task, data: Data, share: float, generator: Generator) -> Tensor:
    """A random share of the training items of ``data``; for links also as many random pairs.

    Args:
        task: what is asked.
        data: the graph.
        share: of the items, in (0, 1].
        generator: of the draw.
    """
    items = task.train_items(data)
    count = max(1, round(share * items.size(-1))) if items.size(-1) else 0
    order = torch.randperm(items.size(-1), generator=generator, device=generator.device)
    items = items[..., order[:count].to(items.device)]
    if items.dim() == 1:
        return items
    return torch.cat([items, random_pairs(data, count, generator)], dim=1)


def quick_input(trained: Trained, data: Data) -> Data:
    """The graph with its features in the form that training multiplies fastest."""
    return data if trained.learner is None else trained.learner.inputs(data)


def message_passing(model: nn.Module) -> list[MessagePassing]:
    """The message-passing layers of a model, in order."""
    return [module for module in model.modules() if isinstance(module, MessagePassing)]


def batch_nodes(trained: Trained) -> int:
    """Size of the batches that the learner trains on; 0 if it trains on the whole graph."""
    return getattr(trained.learner, "batch_nodes", 0)


@torch.no_grad()
def _output(model: nn.Module, data: Data) -> Tensor:
    return model(data.x, data.edge_index)
