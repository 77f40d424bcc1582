"""Semantic labels: every node is compared with the mean representation of each class.

ERASE, Chen et al. (CIKM 2024), as in specs/erase_graph.md sections 1.3 and 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.learn.denoise import propagate, structural_labels
from graphforget.learn.operators import ColumnNormalised, Operator


def prototypes(z: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Mean representation of each class, and whether the class has a node at all.

    Args:
        z: representations, shape ``(N, d)``.
        labels: class of each node, shape ``(N,)`` int64; nodes with -1 are left out.
        num_classes: ``K``.

    Returns:
        Prototypes, shape ``(K, d)``, zero for a class without nodes; and bool, shape ``(K,)``.

    Example:
        >>> z = torch.tensor([[1.0, 0.0], [3.0, 0.0], [9.0, 9.0]])
        >>> prototypes(z, torch.tensor([1, 1, -1]), num_classes=2)
        (tensor([[0., 0.],
                [2., 0.]]), tensor([False,  True]))
    """
    known = labels >= 0
    count = torch.bincount(labels[known], minlength=num_classes)
    total = z.new_zeros(num_classes, z.size(1)).index_add_(0, labels[known], z[known])
    return total / count.clamp(min=1).to(z.dtype)[:, None], count > 0


def similarity(z: Tensor, prototypes: Tensor) -> Tensor:
    """Absolute cosine of every node with every prototype; zero where either is all zeros.

    Args:
        z: representations, shape ``(N, d)``.
        prototypes: shape ``(K, d)``.

    Returns:
        Shape ``(N, K)``, from 0 to 1.

    Example:
        >>> z = torch.tensor([[2.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
        >>> similarity(z, torch.tensor([[5.0, 0.0], [0.0, 1.0]]))
        tensor([[1., 0.],
                [1., 0.],
                [0., 0.]])
    """
    products = z @ F.normalize(prototypes, dim=1).T
    length = z.norm(dim=1, keepdim=True).clamp(min=torch.finfo(z.dtype).tiny)
    return (products / length).abs().clamp_(max=1)


def hard_labels(soft: Tensor) -> Tensor:
    """The class with the largest share of each row; -1 where a row is all zeros.

    Args:
        soft: shape ``(N, K)``, not negative.

    Returns:
        Shape ``(N,)`` int64.

    Example:
        >>> hard_labels(torch.tensor([[0.1, 0.2], [0.0, 0.0]]))
        tensor([ 1, -1])
    """
    best, label = soft.max(dim=1)
    return torch.where(best > 0, label, -1)


@dataclass(frozen=True)
class SemanticLabels:
    """Soft labels of all nodes, from given labels, representations and the graph.

    The defaults are those published for Cora (spec 1.5); the settings of the large-graph path
    (spec 1.7) are ``steps=50, anchor=True, operator=Symmetric(), within=False, softmax=False,
    seeds_only=True`` and, as alpha weighs self here, ``alpha=0.5``.

    Build the operator once a graph and pass it to every call::

        matrix = labels.operator.matrix(data.edge_index, data.num_nodes)
        y0 = labels.structural(data, num_classes)
        soft = labels(z, y0, matrix)

    Args:
        alpha: weight of self against the neighbours, in both kinds of denoising.
        beta: weight of the structural labels against the similarity to prototypes.
        steps: how many hops labels travel.
        anchor: bring the start labels back at every step.
        operator: how labels travel.
        within: structural denoising uses edges between training nodes only.
        softmax: put beta's mixture through a softmax before it travels.
        seeds_only: only the rows of labelled training nodes travel; others start from zero.
    """

    alpha: float = 0.6
    beta: float = 0.6
    steps: int = 5
    anchor: bool = False
    operator: Operator = ColumnNormalised()
    within: bool = True
    softmax: bool = True
    seeds_only: bool = False

    def __post_init__(self) -> None:
        for name in ("alpha", "beta"):
            share = getattr(self, name)
            if not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise UserError(f"semantic labels {name}: wanted 0 to 1, got {share!r}")
        if not isinstance(self.steps, int) or self.steps < 0:
            raise UserError(
                f"semantic labels steps: wanted a whole number from 0, got {self.steps!r}"
            )

    def structural(self, data: Data, num_classes: int) -> Tensor:
        """Soft labels of the training nodes, shape ``(N, K)``, zero elsewhere; once a graph."""
        return structural_labels(
            data.y,
            data.train_mask,
            data.edge_index,
            num_classes,
            operator_of=self.operator.matrix,
            alpha=self.alpha,
            steps=self.steps,
            anchor=self.anchor,
            within=self.within,
        )

    @torch.no_grad()
    def __call__(self, z: Tensor, y0: Tensor, matrix: Tensor) -> Tensor:
        """Soft labels of all nodes (spec 1.3); no gradient flows.

        Labelled training nodes are the rows of ``y0`` that are not all zeros. A class that none
        of them has is given to no node.

        Args:
            z: representations, shape ``(N, d)``.
            y0: structural labels, shape ``(N, K)``, as `structural` gives them.
            matrix: ``operator.matrix(edge_index, N)``.

        Returns:
            Shape ``(N, K)``, not renormalised. `hard_labels` takes the class of each row.

        Raises:
            UserError: ``y0`` is all zeros, as where alpha is 0 and no training nodes are linked.

        Example:
            >>> z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.1, 0.9]])
            >>> y0 = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
            >>> labels = SemanticLabels()
            >>> alone = labels.operator.matrix(torch.empty(2, 0, dtype=torch.int64), 3)
            >>> hard_labels(labels(z, y0, alone))
            tensor([0, 1, 1])
        """
        y0 = y0.to(z.dtype)
        centres, present = prototypes(z, hard_labels(y0), y0.size(1))
        if not bool(present.any()):
            raise UserError(
                "semantic labels: wanted a structural label, got none; raise alpha, the weight "
                "that a label without neighbours keeps"
            )
        mixed = self.beta * y0 + (1 - self.beta) * similarity(z, centres)
        if self.softmax:
            mixed = mixed.masked_fill(~present, -torch.inf).softmax(dim=1)
        if self.seeds_only:
            mixed = mixed * y0.any(dim=1, keepdim=True)
        return propagate(mixed, matrix, self.alpha, self.steps, self.anchor)
