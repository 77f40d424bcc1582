"""Reasons to refuse a request, in words that a person without the source can act on.

Each function answers None where there is nothing to object to, so that an unlearner's
``supports`` is a chain of ``or``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.deletion import Deletion
from graphforget.unlearn.views import batch_nodes


def no_learner(trained: Trained) -> str | None:
    """The model came without the learner that trained it."""
    if trained.learner is None:
        return (
            "the model came without its learner, so its training cannot be run again or "
            "continued; pass learner= to Trained.wrap"
        )
    return None


def closed_form(trained: Trained) -> str | None:
    """The model was solved for, and its numbers are no weights that a step could improve."""
    if trained.learner is not None and not trained.learner.descends:
        return (
            f"{type(trained.learner).__name__} solves for its model in closed form, so there is no "
            "training to go on with; use Retrain, or a deletion in closed form"
        )
    return None


def forgets_itself(trained: Trained) -> str | None:
    """The model is made of stages that were trained apart and have no training to go on with."""
    if isinstance(trained.learner, Unlearner):
        name = type(trained.learner).__name__
        return (
            f"{name} trains stages apart, each to its end, so there is no one training to go on "
            f"with; use {name} itself, which forgets exactly and at once, or Retrain"
        )
    return None


def whole_graph_only(trained: Trained) -> str | None:
    """Operators that know nodes by their ids stand in the model, and work would be on batches."""
    if batch_nodes(trained) and any(isinstance(m, Deletion) for m in trained.model.modules()):
        return (
            "an earlier GNNDelete put operators into the model that answer on the whole graph "
            "only, and its learner trains on batches; use Retrain, D2DGN or GNNDelete again, or a "
            "learner with batch_nodes=0"
        )
    return None


def nothing_left(trained: Trained, request: ForgetRequest) -> str | None:
    """No example would be left to train on."""
    takes = ("node", "class", "edge") if _of_links(trained) else ("node", "class")
    examples = trained.task.train_items(trained.data).size(-1)
    kind = request.named(trained.data)[0]
    gone = forgotten_examples(trained, request).size(-1) if kind in takes else 0
    if gone >= examples:
        return (
            f"no training example is left without the {request.size} {request.kind} ids named, "
            "so there is nothing to learn from; delete the model instead"
        )
    return None


def nothing_learned(trained: Trained, request: ForgetRequest) -> str | None:
    """Training used none of the named items as an example."""
    if forgotten_examples(trained, request).numel() == 0:
        return (
            f"training used none of the {request.size} {request.kind} ids named as an example, "
            "so there is nothing to unlearn from the weights; use Unlink or Resume"
        )
    return None


def nothing_forgotten(trained: Trained, request: ForgetRequest) -> str | None:
    """The request touches no item that the model answers about."""
    if trained.task.forgotten_items(request, trained.data).numel() == 0:
        return (
            f"no item of the task belongs to the {request.size} {request.kind} ids named, so "
            "there is no answer to change; use Unlink"
        )
    return None


def forgotten_examples(trained: Trained, request: ForgetRequest) -> Tensor:
    """Touched items that training used as examples: nodes ``(K,)`` or links ``(2, K)``."""
    items = trained.task.forgotten_items(request, trained.data)
    if items.dim() == 2:  # links that a request touches are training edges by definition
        return items
    examples = trained.task.train_items(trained.data)
    return examples[torch.isin(examples, items)]


def _of_links(trained: Trained) -> bool:
    return trained.task.train_items(trained.data).dim() == 2
