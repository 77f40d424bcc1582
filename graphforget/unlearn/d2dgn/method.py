"""D2DGN: a student learns from the original what stays, and from a destroyer what goes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn.destroyer import Destroyer, NetworkDestroyer, reset
from graphforget.unlearn.d2dgn.held_out import HeldOut
from graphforget.unlearn.d2dgn.matching import Lesson, Matching, Response
from graphforget.unlearn.d2dgn.newton import Newton
from graphforget.unlearn.d2dgn.newton_then_adam import NewtonThenAdam
from graphforget.unlearn.d2dgn.problem import Distillation, Problem, lessons
from graphforget.unlearn.d2dgn.questions import (
    WORTH_CUTTING,
    Inputs,
    Questions,
    asked_graph,
    is_local,
    questions,
)
from graphforget.unlearn.d2dgn.shrunk import Shrunk
from graphforget.unlearn.d2dgn.solver import Solver
from graphforget.unlearn.d2dgn.withdrawal import Withdrawal
from graphforget.unlearn.reasons import closed_form, no_learner, nothing_left, whole_graph_only

CLOSE = 0.1
"""Share of the nodes up to which a request's neighbourhood is asked alone although the training
objective could be: beyond single items, the objective's own slope is worth its cost."""

WORSE = 0.02
"""How much lower the AUC of validation links may be after a hurried training. A short training
leaves it too few steps; then the teachers have the word."""


@dataclass(frozen=True)
class D2DGN(Unlearner):
    """Distil the original on what stays and a destroyer on what goes into a student.

    Sinha, Mandal and Kankanhalli, Distill to Delete, 2023 (arXiv 2309.16173): loss
    ``alpha * L_retained + (1 - alpha) * L_forgotten``, each a divergence of answers, of
    embeddings or of both.

    Args:
        destroyer: what the student is to say about forgotten items.
        withdrawal: how the forgotten items' contribution to training is taken back (node
            classification); None leaves it in.
        answers: weight of the preserver, the original's soft answers on the retained graph.
        objective: weight of the training objective itself on the retained data.
        alpha: weight of the retained items against the forgotten ones (the paper's .5).
        matching: what of a teacher is matched.
        solver: how the student moves.
        warm: start the student from the original; False starts it from fresh weights.
        company: nodes from anywhere that are asked beside the request's neighbourhood, where that
            is small enough to be worth cutting out.
        links: what takes the place of `NewtonThenAdam` where links are predicted and a request
            reaches most of the graph: the student moves on the training objective alone, for no
            teacher was found there that is near enough to retraining; None for teachers there too.
    """

    destroyer: Destroyer = HeldOut()
    withdrawal: Withdrawal | None = Withdrawal()
    answers: float = 1.0
    objective: float = 0.0
    alpha: float = 0.9
    matching: Matching = Response()
    solver: Solver = NewtonThenAdam()
    warm: bool = True
    company: int = 256
    links: Solver | None = Shrunk()

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise UserError(f"D2DGN alpha: wanted a share from 0 to 1, got {self.alpha!r}")
        if self.answers < 0 or self.objective < 0 or self.answers + self.objective == 0:
            raise UserError(
                "D2DGN: wanted weights answers and objective from 0 with one above it, got "
                f"{self.answers!r} and {self.objective!r}"
            )
        second_order = isinstance(self.solver, (Newton, NewtonThenAdam))
        if second_order and (self.objective or self.matching.layers):
            raise UserError(
                "D2DGN: Newton takes the curvature of the preserver's answers alone; with the "
                "training objective or matched layers choose solver Restored or Fresh"
            )
        if self.matching.layers and not isinstance(self.destroyer, NetworkDestroyer):
            raise UserError(
                f"D2DGN: {type(self.matching).__name__} matches layers, and "
                f"{type(self.destroyer).__name__} has none; choose Untrained or NonEdge"
            )

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return (
            closed_form(trained)
            or nothing_left(trained, request)
            or self.destroyer.supports(trained, request)
            or self.solver.supports(trained)
            or (no_learner(trained) if self.objective or not self.warm else None)
            or (whole_graph_only(trained) if self.objective else None)
        )

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        hurried = self._hurried(trained, request, seed)
        student, state = hurried or self._taught(trained, request, seed)
        return trained.after(student, request, self, seed, state)

    def _taught(
        self, trained: Trained, request: ForgetRequest, seed: int
    ) -> tuple[nn.Module, Mapping[str, Tensor]]:
        """The student and the state of its optimiser."""
        student = copy.deepcopy(trained.model)
        if not self.warm:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                reset(student)
        problem = self.problem(trained, request, seed)
        return student, self.solver.minimise(student, problem, trained, seed)

    def _hurried(
        self, trained: Trained, request: ForgetRequest, seed: int
    ) -> tuple[nn.Module, Mapping[str, Tensor]] | None:
        """The student of ``links``; None where it has no business or came out a worse model."""
        task = trained.task
        if self.links is None or not isinstance(self.solver, NewtonThenAdam) or not self.warm:
            return None
        if not isinstance(task, LinkPrediction) or task.val_items(trained.data).size(1) == 0:
            return None
        if no_learner(trained) or whole_graph_only(trained) or self.links.supports(trained):
            return None
        if is_local(trained, request, self.company, seed):
            return None
        way = replace(
            self, answers=0.0, objective=1.0, matching=Response(), solver=self.links, links=None
        )
        student, state = way._taught(trained, request, seed)
        retained = request.retained(trained.data)
        before, after = (
            task.evaluate(model, retained)["val_auc"]
            for model in (trained.model, student.eval())
        )
        return (student, state) if after >= before - WORSE else None

    def problem(self, trained: Trained, request: ForgetRequest, seed: int) -> Problem:
        """What the student minimises for one request."""
        task, training, tilt = trained.task, None, None
        if self.objective:
            assert trained.learner is not None
            retained = request.retained(trained.data)
            training = (self.objective, trained.learner.objective(retained, task, seed))
        if not self.answers:
            return Problem(None, training, None)
        whole = asked_graph(request, trained.data)
        own = self.withdrawal is not None and self.withdrawal.has_slope(trained)
        most = CLOSE if own and not self.objective else WORTH_CUTTING
        asked = questions(trained, request, whole, self.company, seed, most)
        inputs = Inputs(trained)
        of_nodes = isinstance(task, NodeClassification)
        if of_nodes and self.withdrawal is not None and not self.objective:
            around = whole if asked.graph is whole else None
            tilt = self.withdrawal.tilt(trained, request, around, inputs, seed)
        silent = tilt is not None and tilt.objective is not None
        lesson = self._lesson(trained, request, whole, seed)
        asked = replace(asked, graph=inputs(asked.graph))
        distillation = self._distillation(trained, asked, lesson, silent)
        return Problem((self.answers, distillation), training, tilt)

    def _distillation(
        self, trained: Trained, asked: Questions, destroyer: Lesson | None, silent: bool
    ) -> Distillation:
        task, layers = trained.task, self.matching.layers
        with torch.no_grad():
            (preserver,) = lessons(task, trained.model, asked.graph, [asked.kept], layers)
        return Distillation(task, self.matching, asked, preserver, destroyer, self.alpha, silent)

    def _lesson(
        self, trained: Trained, request: ForgetRequest, whole: Data, seed: int
    ) -> Lesson | None:
        gone = trained.task.forgotten_items(request, trained.data)
        if gone.numel() == 0:
            return None
        if isinstance(self.destroyer, NetworkDestroyer) and self.matching.layers:
            network = self.destroyer.network(trained, whole, seed)
            with torch.no_grad():
                return lessons(trained.task, network, whole, [gone], True)[0]
        target = self.destroyer.target(trained, whole, gone, seed)
        return None if target is None else Lesson(target)
