"""What methods that work on gradients of pairs share: losses of chosen pairs, and fresh rows."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.reasons import forgotten_examples
from recsys.learn.pairwise import PairwiseLearner, Recommender, ranking
from recsys.task import Rivals

Vector = list[Tensor]
"""One tensor a parameter."""


def learner_of(trained: Trained) -> PairwiseLearner:
    """The learner of a model that `not_by_pairs` has let pass."""
    assert isinstance(trained.learner, PairwiseLearner)
    return trained.learner


def forgotten_pairs(trained: Trained, request: ForgetRequest) -> Tensor:
    """Training pairs that a request takes away, user node above item node, shape ``(2, K)``."""
    return forgotten_examples(trained, request)


def summed_loss(
    trained: Trained, model: nn.Module, data: Data, pairs: Tensor, seed: int, rivals: Rivals
) -> Tensor:
    """The learner's loss of some pairs, its penalty included, summed over them: a scalar.

    Args:
        trained: its learner and task say what the loss is.
        model: whose loss.
        data: the log that the model looks at.
        pairs: shape ``(2, K)``.
        seed: of the items that the pairs are compared with; the same seed draws the same.
        rivals: what they are drawn from.
    """
    generator = Generator(device=pairs.device).manual_seed(seed)
    mean = learner_of(trained).batch_loss(model, data, trained.task, pairs, generator, rivals)
    return pairs.size(1) * mean


def reverse_loss(
    trained: Trained, model: nn.Module, data: Data, pairs: Tensor, rivals: Tensor
) -> Tensor:
    """Mean BPR loss of pairs the other way round: their rivals are to come first.

    ``-log sigmoid(s_uj - s_ui)`` (RRL, You et al., AAAI 2024).
    """
    return ranking(learner_of(trained), trained.task).pairwise_loss(model, data, rivals, pairs)


def gradient(loss: Tensor, model: nn.Module) -> Vector:
    """Slope of a loss in every parameter of a model, zero where it does not depend on one."""
    parameters = list(model.parameters())
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g
            for p, g in zip(parameters, found, strict=True)]


def row_wise(vector: Tensor) -> Tensor:
    """A parameter as rows, shape ``(R, D)``: a vector has one number a row."""
    return vector.reshape(len(vector), -1) if vector.dim() else vector.reshape(1, 1)


@torch.no_grad()
def fresh_rows(model: nn.Module, trained: Trained, request: ForgetRequest, seed: int) -> None:
    """Give forgotten users and items the rows that they have before training, in place.

    A retrained model has such rows for them: ids stay, but nothing was learned of them.
    """
    kind, named = request.named(trained.data)
    if kind != "node":
        return
    blank = learner_of(trained).build(trained.data, trained.task, seed)
    assert isinstance(model, Recommender) and isinstance(blank, Recommender)
    for (entries, first), (fresh, _) in zip(model.by_node(), blank.by_node(), strict=True):
        at = named[(named >= first) & (named < first + len(entries))] - first
        entries[at] = fresh[at]
