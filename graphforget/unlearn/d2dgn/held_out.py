"""The destroyer that answers as a model would that has never seen the edge.

What a retrained model says of a forgotten edge is what it says of any true edge that it was not
trained on. Validation links are such edges, so a small ridge regression on what anyone can see of
a pair (feature similarity, common neighbours, degrees) learns from them how high an unseen edge
scores, and another one learns from training edges, unlinked for the purpose, how high a seen one
does. The forgotten edge keeps its own deviation from the second and moves towards the level of the
first: the less, the more neighbours its ends have, for one edge among many leaves little behind
that the others do not say as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import degree

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn.destroyer import (
    Destroyer,
    needs_validation_links,
    unlinked_sample,
)

PAIRS_AT_ONCE = 1024
"""Pairs whose features are copied at a time: wide features of all pairs would outgrow a graph."""

RIDGE = 3.0
"""Penalty of the two regressions, in units of one standardised example."""


@dataclass(frozen=True)
class HeldOut(Destroyer):
    """Answer to a forgotten edge as to an edge that was never trained on.

    Target logit of a pair with observable features ``phi``: ``s + w phi (a - b)``, where ``s`` is
    the original's logit on the retained graph, ``a`` is fitted on validation links, ``b`` on
    unlinked training edges, and ``w = 1 / (1 + sqrt(d_1 d_2) / crowd)`` falls with the degrees of
    the ends: at hubs, which no validation link resembles, the regressions promise a gap that
    retraining does not show. Nodes get no target: a retrained classifier answers to a node that
    it was not trained on through its features alone, and every target tried was worse than none
    (d2dgn.md 9.4).

    Args:
        sample: training edges that are unlinked to fit ``b``.
        crowd: geometric mean of the two degrees at which half of the gap is left; infinite for
            the same gap everywhere.
    """

    sample: int = 400
    crowd: float = 5.0

    def __post_init__(self) -> None:
        if not self.crowd > 0:
            raise UserError(f"HeldOut crowd: wanted a degree above 0, got {self.crowd!r}")

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        return needs_validation_links(trained, request) if _is_link(trained) else None

    @torch.no_grad()
    def target(self, trained: Trained, retained: Data, items: Tensor, seed: int) -> Tensor | None:
        if not _is_link(trained):
            return None
        task, model = trained.task, trained.model
        held_out = task.val_items(retained)
        seen, without = unlinked_sample(trained, retained, self.sample, seed)
        unlinked = task.logits(model, retained, torch.cat([items, held_out], dim=1))
        score, held_out_score = unlinked.split([items.size(1), held_out.size(1)])
        seen_score = task.logits(model, without, seen)
        phi = pair_features(retained, torch.cat([items, held_out], dim=1))
        phi, phi_held_out = phi.split([items.size(1), held_out.size(1)])
        a = ridge(phi_held_out, held_out_score)
        b = ridge(pair_features(without, seen), seen_score)
        degrees = degree(retained.edge_index[0], retained.num_nodes)[items]
        return score + (phi @ (a - b)) / (1 + degrees.prod(0).sqrt() / self.crowd)


def pair_features(data: Data, pairs: Tensor) -> Tensor:
    """What can be seen of a pair without a model, shape ``(K, 7)``, the first column ones.

    Cosine of the features (times 5), whether there are common neighbours, log of one plus their
    number, of the smaller and of the larger degree, and whether an end is isolated.

    Args:
        data: the graph.
        pairs: node ids, shape ``(2, K)``.
    """
    first, second = pairs
    few = zip(first.split(PAIRS_AT_ONCE), second.split(PAIRS_AT_ONCE), strict=True)
    cosine = torch.cat([F.cosine_similarity(data.x[a], data.x[b]) for a, b in few])
    common = common_neighbors(data, pairs)
    degrees = degree(data.edge_index[0], data.num_nodes)[pairs]
    low, high = degrees.amin(0), degrees.amax(0)
    columns = [
        torch.ones_like(cosine),
        5 * cosine,
        (common > 0).float(),
        common.log1p(),
        low.log1p(),
        high.log1p(),
        (low == 0).float(),
    ]
    return torch.stack(columns, dim=1)


def common_neighbors(data: Data, pairs: Tensor) -> Tensor:
    """Number of nodes linked to both ends of each pair, shape ``(K,)``.

    >>> square = Data(edge_index=torch.tensor([[0, 1, 1, 2, 2, 3, 3, 0], [1, 0, 2, 1, 3, 2, 0, 3]]))
    >>> square.num_nodes = 4
    >>> common_neighbors(square, torch.tensor([[0, 0], [2, 1]]))
    tensor([2., 0.])
    """
    row, column = data.edge_index.cpu().numpy()
    shape = (data.num_nodes, data.num_nodes)
    adjacency = csr_array((np.ones(row.size, dtype=np.float32), (row, column)), shape=shape)
    first, second = pairs.cpu().numpy()
    both = adjacency[first].multiply(adjacency[second]).sum(axis=1)
    return torch.from_numpy(np.asarray(both, dtype=np.float32).ravel()).to(pairs.device)


def ridge(phi: Tensor, y: Tensor, penalty: float = RIDGE) -> Tensor:
    """Coefficients ``(D,)`` of a ridge regression whose first column, the ones, is not penalised.

    >>> ones = torch.ones(100, 1)
    >>> x = torch.arange(100.)[:, None] / 100
    >>> ridge(torch.cat([ones, x], 1), 2 + 3 * x[:, 0], penalty=1e-6).round(decimals=3)
    tensor([2., 3.])
    """
    weights = penalty * torch.eye(phi.size(1), device=phi.device)
    weights[0, 0] = 1e-3 * min(penalty, 1.0)
    return torch.linalg.solve(phi.T @ phi + weights, phi.T @ y)


def _is_link(trained: Trained) -> bool:
    return isinstance(trained.task, LinkPrediction)
