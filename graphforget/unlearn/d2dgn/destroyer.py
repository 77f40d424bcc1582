"""Destroyers: what the student is to say about the forgotten items instead of what it knows."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.removal import pair_codes, without_edges
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.task.links import random_pairs
from graphforget.trained import Trained

BORROWED = 7919  # added to the seed, so that a destroyer's draws differ from the student's


class Destroyer(ABC):
    """Knowledge to be imposed on the forgotten items (d2dgn.md 1.2)."""

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        """Why this destroyer has no answer to the request, or None."""
        return None

    @abstractmethod
    def target(self, trained: Trained, retained: Data, items: Tensor, seed: int) -> Tensor | None:
        """Logits that the student is to give the forgotten items; None for no target.

        Args:
            trained: the original model.
            retained: the graph that the student is asked on.
            items: the forgotten items, nodes ``(K,)`` or links ``(2, K)``.
            seed: of whatever is drawn.
        """


class NetworkDestroyer(Destroyer):
    """A destroyer that is a network, and so also has embeddings to match."""

    @abstractmethod
    def network(self, trained: Trained, retained: Data, seed: int) -> nn.Module:
        """The network, in eval mode."""

    @torch.no_grad()
    def target(self, trained: Trained, retained: Data, items: Tensor, seed: int) -> Tensor:
        network = self.network(trained, retained, seed)
        return trained.task.logits(network, retained, items)


@dataclass(frozen=True)
class Untrained(NetworkDestroyer):
    """The paper's destroyer: a network of the same shape that knows nothing.

    Its answer is close to "any class" or p = .5, which no retrained model gives: it forgets more
    than retraining does, and a two-sided attack sees that (d2dgn.md 6.2).
    """

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        fixed = not_renewable(trained.model)
        if fixed is None:
            return None
        return (
            f"an untrained network is made by drawing all weights anew, and {fixed} in the model "
            "has no reset_parameters(); choose a destroyer that needs no untrained network"
        )

    def network(self, trained: Trained, retained: Data, seed: int) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(seed + BORROWED)
            return reset(copy.deepcopy(trained.model)).eval()


@dataclass(frozen=True)
class NonEdge(NetworkDestroyer):
    """A network trained on as many random non-edges as the graph has edges (d2dgn.md 1.2, 3).

    They are non-edges of the retained graph: pairs that steered around the forgotten edges would
    show by their absence that these once were there.
    """

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        if trained.learner is None:
            return "a network is trained on non-edges, and the model came without its learner"
        return None

    def network(self, trained: Trained, retained: Data, seed: int) -> nn.Module:
        assert trained.learner is not None
        absent = random_non_edges(retained, retained.num_edges // 2, seed + BORROWED)
        elsewhere = copy.copy(retained)
        elsewhere.edge_index = torch.cat([absent, absent.flip(0)], dim=1)
        return trained.learner.fit(elsewhere, trained.task, seed + BORROWED).model


@dataclass(frozen=True)
class ClassRemoved(Destroyer):
    """The original's answer without the forgotten classes, renormalised over the others."""

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        if request.kind != "class" or not isinstance(trained.task, NodeClassification):
            return f"a class is taken out of the answer, and the request names a {request.kind}"
        if request.size >= trained.task.num_classes:
            return "no class would be left to answer with"
        return None

    @torch.no_grad()
    def target(self, trained: Trained, retained: Data, items: Tensor, seed: int) -> Tensor:
        gone = trained.data.y[items].unique()
        logits = trained.task.logits(trained.model, retained, items)
        return logits.index_fill(-1, gone, logits.min().item() - 20.0)


@dataclass(frozen=True)
class Calibrated(Destroyer):
    """The unlinked answer, less what training adds to an edge that it has seen (d2dgn.md 6.5).

    The target logit is the original's on the retained graph minus a gap: the mean logit of a
    random set of training edges after these are unlinked too, minus the mean logit of validation
    links. No retrained model is needed.

    Args:
        sample: training edges that measure the gap.
    """

    sample: int = 400

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return needs_validation_links(trained, request)

    @torch.no_grad()
    def target(self, trained: Trained, retained: Data, items: Tensor, seed: int) -> Tensor:
        task, model = trained.task, trained.model
        seen, without = unlinked_sample(trained, retained, self.sample, seed)
        gap = task.logits(model, without, seen).mean()
        gap = gap - task.logits(model, retained, task.val_items(retained)).mean()
        return task.logits(model, retained, items) - gap


def needs_validation_links(trained: Trained, request: ForgetRequest) -> str | None:
    """Why a destroyer that compares with validation links cannot be used, or None."""
    if not isinstance(trained.task, LinkPrediction):
        return "seen edges are compared with validation links, and the task has none"
    retained = request.retained(trained.data)
    if trained.task.val_items(retained).size(1) < 10 or retained.num_edges < 4:
        return "seen edges are compared with validation links; fewer than 10 would be left"
    return None


def unlinked_sample(trained: Trained, retained: Data, count: int, seed: int) -> tuple[Tensor, Data]:
    """Some retained training edges, shape ``(2, M)``, and the graph without them."""
    edges = trained.task.train_items(retained)
    generator = Generator().manual_seed(seed + BORROWED)
    chosen = torch.randperm(edges.size(1), generator=generator)[: min(count, edges.size(1) // 2)]
    seen = edges[:, chosen.to(edges.device)]
    return seen, without_edges(retained, seen)


def random_non_edges(data: Data, count: int, seed: int) -> Tensor:
    """About ``count`` random pairs that are no edges and no loops, shape ``(2, M)``."""
    pairs = random_pairs(data, 2 * count, Generator().manual_seed(seed))
    known = torch.isin(
        pair_codes(pairs, data.num_nodes), pair_codes(data.edge_index, data.num_nodes)
    )
    return pairs[:, ~known & (pairs[0] != pairs[1])][:, :count]


def reset(model: nn.Module) -> nn.Module:
    """Draw all weights of ``model`` anew, in place; raises `UserError` if a layer cannot."""
    fixed = not_renewable(model)
    if fixed is not None:
        raise UserError(
            f"{fixed}: wanted reset_parameters() to draw fresh weights; add it to the module or "
            "choose a destroyer that needs no untrained network"
        )
    for module in model.modules():
        renew = getattr(module, "reset_parameters", None)
        if callable(renew):
            renew()
    return model


def not_renewable(model: nn.Module) -> str | None:
    """The class of a part of ``model`` whose weights cannot be drawn anew, or None."""
    for module in model.modules():
        renewable = callable(getattr(module, "reset_parameters", None))
        if not renewable and list(module.parameters(recurse=False)):
            return type(module).__name__
    return None
