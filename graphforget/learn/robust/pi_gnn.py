"""PI-GNN: which nodes belong together is learnt from links, which no wrong label has touched."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data
from torch_geometric.utils import remove_self_loops

from graphforget.core.errors import UserError
from graphforget.learn.checks import classes_of
from graphforget.learn.robust.node_learner import NodeLearner
from graphforget.learn.trainer import descend
from graphforget.protocols import Objective
from graphforget.removal import pair_codes
from graphforget.task import Task

ESTIMATOR = 700_001
"""Added to the seed for the network that estimates pairs."""


def sampled_pairs(
    edge_index: Tensor, num_nodes: int, limit: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Linked pairs and as many random pairs, with what the graph says of each.

    Args:
        edge_index: shape ``(2, E)``; loops are left out.
        num_nodes: ``N``.
        limit: at most this many pairs of each kind.
        generator: draws the random pairs, and which links if there are more than the limit.

    Returns:
        Pairs, shape ``(2, M)``, and whether they are linked, shape ``(M,)`` float.

    >>> path = torch.tensor([[0, 1], [1, 0]])
    >>> pairs, linked = sampled_pairs(path, 50, 9, Generator().manual_seed(0))
    >>> pairs.shape, linked.tolist()
    (torch.Size([2, 4]), [1.0, 1.0, 0.0, 0.0])
    """
    links, _ = remove_self_loops(edge_index)
    if links.size(1) > limit:
        chosen = torch.randperm(links.size(1), generator=generator, device=generator.device)
        links = links[:, chosen[:limit].to(links.device)]
    drawn = torch.randint(
        num_nodes, links.shape, generator=generator, device=generator.device
    ).to(links.device)
    pairs = torch.cat([links, drawn], dim=1)
    linked = torch.isin(pair_codes(pairs, num_nodes), pair_codes(edge_index, num_nodes))
    return pairs, linked.float()


def together(output: Tensor, pairs: Tensor) -> Tensor:
    """Logit of two nodes belonging together: the dot product of their outputs, shape ``(M,)``."""
    return (output[pairs[0]] * output[pairs[1]]).sum(-1)


@dataclass(frozen=True)
class PIGNN(NodeLearner):
    """Train on the given labels and, beside them, on which pairs of nodes belong together.

    Du et al., Noise-Robust Graph Learning by Estimating and Leveraging Pairwise Interactions,
    TMLR 2023. Two networks, trained apart ("decoupled"):

    - the estimator, which sees no label, learns whether two nodes are linked from the dot product
      of their outputs; its probability ``c`` for a pair, between links that look like chance and
      strangers that look alike, is a better guess of "same class" than the link itself;
    - the classifier minimises cross-entropy on the given labels plus ``beta`` times the
      cross-entropy between ``sigmoid(z_u . z_v)`` of its own outputs and ``c``, from epoch
      ``warm_up`` on.

    What differs from the paper, whose text was not at hand for its constants: the estimator is
    trained to its end before the classifier begins instead of beside it, which is the same for a
    network that reads nothing of the other; pairs are all links and as many random pairs drawn
    anew each step, where the paper reconstructs the whole adjacency matrix; ``beta`` and
    ``warm_up`` are our choice.

    Args:
        beta: weight of the pairs against the labels.
        warm_up: epochs on the labels alone.
        width: of the estimator's output.
        pairs: at most this many links, and as many random pairs, a step.
    """

    beta: float = 1.0
    warm_up: int = 50
    width: int = 16
    pairs: int = 100_000

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = all(isinstance(n, int) for n in (self.warm_up, self.width, self.pairs))
        if not (whole and self.beta >= 0 <= self.warm_up and min(self.width, self.pairs) >= 1):
            raise UserError(
                "PIGNN: wanted beta and warm_up from 0, width and pairs from 1, got "
                f"beta {self.beta!r}, warm_up {self.warm_up!r}, width {self.width!r}, pairs "
                f"{self.pairs!r}"
            )

    def course(self, data: Data, task: Task, seed: int) -> Objective:
        return self._with_pairs(data, task, seed, self.warm_up * self.steps(data))

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        """The loss after the warm-up; the estimator is trained anew on ``data``."""
        return self._with_pairs(data, task, seed, 0)

    def estimator(self, data: Data, seed: int) -> nn.Module:
        """A network like the classifier's, trained on the links of ``data``, in eval mode."""
        model = self.encoder.build(data.num_features, self.width, seed + ESTIMATOR)
        model = model.to(data.x.device, data.x.dtype if data.x.is_floating_point() else None)
        parts = self.parts(data, seed)

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            part = next(parts)
            pairs, linked = self._pairs(part, generator)
            output = model(part.x, part.edge_index)
            return _agreement(together(output, pairs), linked)

        steps = self.epochs * self.steps(data)
        descend(model, loss, self.optimizer(model.parameters()), steps, seed)
        return model

    def _with_pairs(self, data: Data, task: Task, seed: int, alone: int) -> Objective:
        classes_of(type(self).__name__, task)
        estimator = self.estimator(data, seed)
        parts, taken = self.parts(data, seed), count()

        def loss(model: nn.Module, generator: Generator) -> Tensor:
            part = next(parts)
            output = model(part.x, part.edge_index)
            items = task.train_items(part)
            each = task.example_loss(task.read(output, items), part, items)
            labels = each.sum() / max(1, items.numel())  # a batch may hold no training node
            if next(taken) < alone:
                return labels
            pairs, _ = self._pairs(part, generator)
            with torch.no_grad():
                confidence = together(estimator(part.x, part.edge_index), pairs).sigmoid()
            return labels + self.beta * _agreement(together(output, pairs), confidence)

        return loss

    def _pairs(self, part: Data, generator: Generator) -> tuple[Tensor, Tensor]:
        return sampled_pairs(part.edge_index, int(part.num_nodes or 0), self.pairs, generator)


def _agreement(logits: Tensor, wanted: Tensor) -> Tensor:
    """Mean binary cross-entropy; 0 where a batch has no links."""
    total = F.binary_cross_entropy_with_logits(logits, wanted.to(logits.dtype), reduction="sum")
    return total / max(1, logits.numel())
