"""Relabel: take back what wrong labels taught, leave their nodes, and teach better labels.

It forgets labels, not nodes, so what audits promise of removed data does not hold of it; that is
why it is not among the methods that `graphforget.unlearn` exports.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.corrected import beliefs
from graphforget.learn.state import made_since
from graphforget.protocols import Unlearner
from graphforget.removal import without_labels
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn.matching import Response
from graphforget.unlearn.d2dgn.newton import Newton
from graphforget.unlearn.d2dgn.newton_then_adam import NewtonThenAdam
from graphforget.unlearn.d2dgn.problem import Distillation, Problem, Tilt, lessons
from graphforget.unlearn.d2dgn.questions import Inputs, Questions
from graphforget.unlearn.d2dgn.solver import Solver, weight_decay
from graphforget.unlearn.reasons import no_learner, whole_graph_only


@dataclass(frozen=True)
class Relabel(Unlearner):
    """Forget the labels of the nodes that a node or feature request names, and correct them.

    The nodes stay, with features and edges. Twice the objective is turned into that of other data
    and the student follows, as in D2DGN: first the labels named are taken out, then the semantic
    labels of ERASE (Chen et al., CIKM 2024), read off that student and the labels that were not
    named, are put in. The labels named are never read, so whatever they say, the same weights
    lead to the same result.

    A training node gets its corrected label; a validation node stays without one, because the
    model would be judge of its own case.

    Args:
        correct: put corrected labels in; False leaves the nodes named without a label.
        minimum_confidence: how sure a corrected label must be; a node that is less sure stays
            without a label. The confidence is modest: on Cora with 30% wrong labels its mean was
            .40 where .79 of the labels were right; with .3 about half of the labels are put in,
            .9 of them right, and the model comes out a little worse than with all of them.
        solver: how the student moves, each of the two times.
    """

    removes: ClassVar[bool] = False

    correct: bool = True
    minimum_confidence: float = 0.0
    solver: Solver = NewtonThenAdam()

    def __post_init__(self) -> None:
        if not 0 <= self.minimum_confidence <= 1:
            raise UserError(
                "Relabel minimum_confidence: wanted a share from 0 to 1, got "
                f"{self.minimum_confidence!r}"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return (
            no_labels(trained, request)
            or no_learner(trained)
            or whole_graph_only(trained)
            or self.solver.supports(trained)
            or self._wants_whole_graph(trained)
        )

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        assert trained.learner is not None
        named = request.nodes(trained.data)
        after = self._taught(trained, without_labels(trained.data, named), seed)
        if self.correct:
            taught = named[trained.data.train_mask[named]]
            better = relabelled(after, taught, self.minimum_confidence)
            after = self._taught(after, better, seed)
        group = trained.learner.optimizer(after.model.parameters()).param_groups[0]
        second = group.get("betas", (0.9, 0.999))[1]
        state = made_since(trained.optimizer, after.optimizer, second)
        return trained.after(after.model, request, self, seed, state, after.data)

    def _taught(self, trained: Trained, data: Data, seed: int) -> Trained:
        """A student that has gone from the minimum on the run's data towards that on ``data``."""
        student, solver = copy.deepcopy(trained.model), self.solver
        steps = 1 if trained.learner is None else trained.learner.steps(data)
        if isinstance(solver, NewtonThenAdam) and steps > 1:
            solver = replace(solver, steps=solver.steps * steps, products=0)
        problem = relabelling(trained, data, seed)
        state: Mapping[str, Tensor] = solver.minimise(student, problem, trained, seed)
        return replace(trained, model=student, data=data, optimizer=state, snapshots={})

    def _wants_whole_graph(self, trained: Trained) -> str | None:
        if isinstance(self.solver, Newton) and trained.learner is not None:
            if trained.learner.steps(trained.data) > 1:
                return (
                    "Newton's steps want the objective of the whole graph, and the learner trains "
                    "on batches; pass a NewtonThenAdam or Restored solver"
                )
        return None


def no_labels(trained: Trained, request: ForgetRequest) -> str | None:
    """Why the request names no labels that can be forgotten, or None."""
    if not isinstance(trained.task, NodeClassification):
        return "only models that classify nodes are taught by labels; use D2DGN for links"
    if request.kind not in ("node", "feature"):
        return (
            f"wanted a node or feature request that names the nodes with wrong labels, got a "
            f"{request.kind} request"
        )
    data, named = trained.data, request.nodes(trained.data)
    train = trained.task.train_items(data)
    known = torch.cat([train, trained.task.val_items(data)])
    strange = named[~torch.isin(named, known)]
    if strange.numel():
        return (
            f"{strange.numel()} of the {named.numel()} nodes named, the first is "
            f"{int(strange[0])}, have no label in training or validation; leave them out"
        )
    if bool(torch.isin(train, named).all()):
        return (
            "no training label is left beside those named, so there is nothing to correct them "
            "by; train again on other labels"
        )
    return None


def relabelled(trained: Trained, nodes: Tensor, minimum_confidence: float) -> Data:
    """The graph of a run with semantic labels for unlabelled nodes, made training nodes by it.

    Args:
        trained: the run, whose model has not learnt the nodes' labels, or no longer knows them.
        nodes: shape ``(K,)``.
        minimum_confidence: a node whose label is less sure stays as it is.
    """
    best = beliefs(trained)[nodes].max(1)
    sure = best.values >= minimum_confidence
    result = copy.copy(trained.data)
    result.y, result.train_mask = result.y.clone(), result.train_mask.clone()
    result.y[nodes[sure]] = best.indices[sure]
    result.train_mask[nodes[sure]] = True
    return result


def relabelling(trained: Trained, data: Data, seed: int) -> Problem:
    """The training objective on the same graph with other labels, for a student of the model.

    The slope is that objective's own, weight decay included; the preserver lends the curvature of
    its answers, which no label changes. In D2DGN's words it is a withdrawal of which ``own`` is 0,
    so that the labels on the run's own data are not read; to be held near the original would not
    help here, for the original is what is to be mended.

    Args:
        trained: the model to start from, with its learner.
        data: the graph with the labels to be taught.
        seed: of the objective's draws.
    """
    assert trained.learner is not None
    task, graph = trained.task, Inputs(trained)(data)
    kept = task.train_items(data)
    with torch.no_grad():
        (preserver,) = lessons(task, trained.model, graph, [kept], layers=False)
    asked = Questions(graph, kept, kept[:0])
    curvature = Distillation(task, Response(), asked, preserver, None, alpha=1.0, silent=True)
    origin = [parameter.detach().clone() for parameter in trained.model.parameters()]
    decay = weight_decay(trained)
    whole = trained.learner.steps(data) == 1  # batches are cut from features as they come
    objective = trained.learner.objective(graph if whole else data, task, seed)
    tilt = Tilt([decay * weight for weight in origin], origin, decay, objective)
    return Problem((1.0, curvature), None, tilt)
