"""Requests to forget what a model learned by heart: the hardest kind."""

from __future__ import annotations

import copy

import torch
from torch import Generator, Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.data.draw import highest
from graphforget.protocols import Learner
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, Task


def memorised(
    data: Data, task: Task, learner: Learner, count: int, seed: int, models: int = 8
) -> ForgetRequest:
    """Take the training items that models get right only when they were trained on them.

    Models are trained on random halves of the training items; an item's memorisation is its mean
    margin under the models that saw it, less that under those that did not (evaluation.md 10,
    after Feldman and Zhang, NeurIPS 2020). Halves come in complementary pairs, so each item is
    seen by exactly half of the models. For nodes the graph stays whole and only labels are held
    back.

    Args:
        data: the graph to be forgotten from.
        task: node classification gives a node request, link prediction an edge request.
        learner: how the models are trained; this takes ``models`` trainings on half the items.
        count: how many items.
        seed: of the halves and the trainings.
        models: an even number.

    Raises:
        UserError: more items than there are, or an odd number of models.
    """
    items = task.train_items(data)
    score = memorisation(data, task, learner, seed, models)
    kind = "edge" if items.dim() == 2 else "node"
    return ForgetRequest(kind, highest(items, score, count, seed, f"memorised {kind}s"))


def memorisation(data: Data, task: Task, learner: Learner, seed: int, models: int = 8) -> Tensor:
    """Margin when trained on less margin when not, of each training item.

    Returns:
        Shape ``(K,)``, in the order of ``task.train_items(data)``.
    """
    if models < 2 or models % 2:
        raise UserError(f"memorisation needs an even number of models, not {models}")
    items = task.train_items(data)
    size = items.shape[-1]
    generator = Generator().manual_seed(seed)
    difference = torch.zeros(size, device=items.device)
    for pair in range(models // 2):
        first = torch.zeros(size, dtype=torch.bool)
        first[torch.randperm(size, generator=generator)[: size // 2]] = True
        first = first.to(items.device)
        for seen in (first, ~first):
            trained = learner.fit(_only(data, task, items, seen), task, seed + pair)
            with torch.no_grad():
                logits = task.logits(trained.model, data, items)
                margin = task.margin(logits, data, items)
            difference += torch.where(seen, margin, -margin)
    return difference / (models // 2)


def _only(data: Data, task: Task, items: Tensor, seen: Tensor) -> Data:
    """Return the data with the training items in ``seen``, shape ``(K,)``, and no others."""
    half = copy.copy(data)
    if isinstance(task, LinkPrediction):
        links = items[:, seen]
        both = torch.cat([links, links.flip(0)], dim=1)
        half.edge_index = both[:, (both[0] * int(data.num_nodes or 0) + both[1]).argsort()]
    else:
        half.train_mask = torch.zeros_like(data.train_mask).index_fill_(0, items[seen], True)
    return half
