"""What a model answers about each region, asked the way a stranger would ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from graphforget.audit.regions import Regions
from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.trained import Trained


@dataclass(frozen=True, eq=False)
class Answers:
    """One model's answers by region.

    Args:
        probability: softmax ``(K, C)`` of nodes, or probability ``(K,)`` of links.
        margin: how sure the model is of what is true, shape ``(K,)``; for a node the logit of
            its class less the log-sum-exp of all others, for a link its logit less the mean
            logit of random pairs that share a node with it; see `Task.yardstick`.
        confidence: probability given to what is true, shape ``(K,)``.
    """

    probability: Mapping[str, Tensor]
    margin: Mapping[str, Tensor]
    confidence: Mapping[str, Tensor]


@torch.no_grad()
def answer(
    trained: Trained, before: Trained, request: ForgetRequest, regions: Regions, seed: int = 0
) -> Answers:
    """Ask one model about every region.

    A model is asked about the forgotten items on the retained graph with their own attributes
    put back, as a stranger would present them; about all other items on its own data. A run that
    still holds the forgotten data answers with them: that is what it would do in service.

    Args:
        trained: the model asked.
        before: the original, whose data hold the true labels.
        request: what was to be forgotten.
        regions: the items asked about.
        seed: seed of the random pairs that links are compared with.

    Raises:
        UserError: if an answer is not a finite number.
    """
    data, task = before.data, before.task
    holds = request.held_by(trained.data, data)
    probe = trained.data if holds else request.probe(data)
    own = trained.model(trained.data.x, trained.data.edge_index)
    strange = own if holds else trained.model(probe.x, probe.edge_index)
    if not (own.isfinite().all() and strange.isfinite().all()):
        raise UserError(
            "audit: the model answers with numbers that are not finite; its training diverged"
        )
    probability, margin, confidence = {}, {}, {}
    for name, items in regions.present().items():
        output = strange if name == "forgotten" else own
        logits = task.read(output, items)
        probability[name] = task.probability(logits)
        margin[name] = task.margin(logits, data, items) - task.yardstick(output, data, items, seed)
        confidence[name] = (-task.example_loss(logits, data, items)).exp()
    return Answers(probability, margin, confidence)
