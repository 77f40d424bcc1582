"""Relearn time: knowledge that is hidden comes back faster than knowledge that is gone."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from graphforget.core.metric import CLOSER_TO_ORACLE_IS_BETTER, metric
from graphforget.task import Task


def steps_to_relearn(
    model: nn.Module,
    data: Data,
    labelled: Data,
    task: Task,
    items: Tensor,
    margin: float,
    learning_rate: float = 1e-3,
    at_most: int = 300,
) -> int:
    """Steps of Adam on the forgotten items alone until their mean margin is back.

    The model is not changed. Nothing here is training that anybody keeps, so no Trainer is built.

    Args:
        model: the network that may or may not have forgotten.
        data: the graph it is asked on.
        labelled: the original graph, for the labels.
        task: what the items are.
        items: the forgotten items, ``(K,)`` or ``(2, K)``.
        margin: mean margin to reach, that of the original model.
        learning_rate: small, so that steps count finely.
        at_most: the count at which to give up, and what is then returned.
    """
    model = copy.deepcopy(model).eval()  # no dropout: the count should not be a matter of luck
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for step in range(at_most):
        logits = task.logits(model, data, items)
        if float(task.margin(logits.detach(), labelled, items).mean()) >= margin:
            return step
        optimizer.zero_grad()
        task.example_loss(logits, labelled, items).mean().backward()
        optimizer.step()
    return at_most


@metric(CLOSER_TO_ORACLE_IS_BETTER)
def relearn_ratio(after: int, oracle: int) -> float:
    """Steps of the unlearned model over those of a retrained one; 1 is the target.

    Far below 1 the knowledge was suppressed, not erased (evaluation.md 4.1.6).

    >>> relearn_ratio(30, 120)
    0.25
    """
    return max(after, 1) / max(oracle, 1)
