"""The forgotten items' own contribution to training, taken back.

At the end of training with weight decay the gradient of the full objective is zero:
``sum_i grad l_i + n w theta_0 = 0``. Without the request, the gradient at the same weights is
therefore what the request changes, and nothing else:

    g = (sum_{i in R, near} grad l_i(A_r) - sum_{i in D, near} grad l_i(A)) / n_r
        - w theta_0 (n - n_r) / n_r

where "near" are the examples whose answer the request can change at all. This needs no label of
the other retained examples and costs what the neighbourhood of the request costs. Cross-entropy
against a label differs from the divergence from the original's answer by a term that is linear in
the logits, so ``KL(original, student) + <g, theta> + w/2 |theta - theta_0|^2`` has the gradient
of the retained objective at ``theta_0`` and its Gauss-Newton curvature: distillation is the
curvature, the withdrawal is the slope.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn.problem import Tilt
from graphforget.unlearn.d2dgn.questions import Inputs, asked_graph, cut_around
from graphforget.unlearn.d2dgn.solver import weight_decay
from graphforget.unlearn.views import message_passing


@dataclass(frozen=True)
class Withdrawal:
    """How the forgotten items' contribution is taken back.

    Args:
        labels: use the labels of the request's neighbours; without them the original's answers,
            sharpened, stand in (the forgotten items' own labels are part of the request).
        temperature: of the answers that stand in for labels; below 1 sharpens.
        own: share of the original's own slope that is taken off where the training objective is
            used. 1 keeps the student from being trained on, so that it stays near a model
            retrained from the same initial weights; 0 trains it on.
    """

    labels: bool = True
    temperature: float = 0.5
    own: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.own <= 1:
            raise UserError(f"withdrawal own: wanted a share from 0 to 1, got {self.own!r}")
        if not self.temperature > 0:
            raise UserError(
                f"withdrawal temperature: wanted a positive number, got {self.temperature!r}"
            )

    def tilt(
        self,
        trained: Trained,
        request: ForgetRequest,
        whole: Data | None,
        inputs: Inputs,
        seed: int,
    ) -> Tilt:
        """The slope that the request leaves behind, as a term of the student's problem.

        Args:
            trained: the original model of a node classification.
            request: what is forgotten.
            whole: the whole retained graph, to use the training objective of all its examples;
                a share of its slope on the full data, zero had training converged, is taken off.
                None for a slope at the cost of the request's neighbourhood.
            inputs: turns graphs into the network's form.
            seed: of the training objective's draws.
        """
        origin = [parameter.detach().clone() for parameter in trained.model.parameters()]
        decay = weight_decay(trained) if trained.learner is not None else 0.0
        if whole is None or not self.has_slope(trained):
            return Tilt(self._gradient(trained, request, decay, inputs), origin, decay)
        learner = trained.learner
        assert learner is not None
        before = learner.objective(inputs(trained.data), trained.task, seed)
        after = learner.objective(inputs(whole), trained.task, seed)
        model = copy.deepcopy(trained.model).eval()
        loss = before(model, Generator(device=origin[0].device).manual_seed(seed))
        drift = torch.autograd.grad(loss, list(model.parameters()))
        slope = [
            (1 - self.own) * decay * weight - self.own * gradient
            for weight, gradient in zip(origin, drift, strict=True)
        ]
        return Tilt(slope, origin, decay, after)

    def has_slope(self, trained: Trained) -> bool:
        """Whether the training objective can give the slope: labels, a learner, no batches."""
        learner = trained.learner
        classes = isinstance(trained.task, NodeClassification)
        return classes and self.labels and learner is not None and learner.steps(trained.data) == 1

    def _gradient(
        self, trained: Trained, request: ForgetRequest, decay: float, inputs: Inputs
    ) -> list[Tensor]:
        """The gradient ``g`` above, one tensor a parameter."""
        task, data, retained = trained.task, trained.data, asked_graph(request, trained.data)
        hops = len(message_passing(trained.model))
        near = request.affected(data, hops)
        before, after = (task.train_items(graph) for graph in (data, retained))
        model = copy.deepcopy(trained.model).eval()
        taken = self._contribution(trained, model, data, before[near[before]], request, inputs)
        given = self._contribution(trained, model, retained, after[near[after]], request, inputs)
        total, left = before.numel(), max(1, after.numel())
        return [
            (new - old) / left - decay * parameter.detach() * (total - after.numel()) / left
            for new, old, parameter in zip(given, taken, model.parameters(), strict=True)
        ]

    def _contribution(
        self,
        trained: Trained,
        model: nn.Module,
        graph: Data,
        items: Tensor,
        request: ForgetRequest,
        inputs: Inputs,
    ) -> list[Tensor]:
        """Summed loss gradient of training items ``(K,)`` on a graph, one tensor a parameter."""
        parameters = list(model.parameters())
        if items.numel() == 0:
            return [torch.zeros_like(parameter) for parameter in parameters]
        local, inside = cut_around(graph, items, len(message_passing(model)))
        logits = trained.task.logits(model, inputs(local), inside)
        truth = self._truth(trained, items, logits, request)
        loss = -(truth * logits.log_softmax(-1)).sum()
        return list(torch.autograd.grad(loss, parameters))

    def _truth(
        self, trained: Trained, items: Tensor, logits: Tensor, request: ForgetRequest
    ) -> Tensor:
        """What each item is taken to be, probabilities ``(K, C)``."""
        assert isinstance(trained.task, NodeClassification)
        labels = nn.functional.one_hot(trained.data.y[items], logits.size(-1)).to(logits.dtype)
        if self.labels:
            return labels
        own = torch.isin(items, request.nodes(trained.data)).unsqueeze(-1)
        return torch.where(own, labels, (logits.detach() / self.temperature).softmax(-1))
