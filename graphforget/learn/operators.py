"""How labels travel along edges, as objects that a learner can hold as a field."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from graphforget.learn.denoise import column_normalised, row_normalised, symmetric


class Operator(ABC):
    """A way to make the sparse operator that passes labels on."""

    @abstractmethod
    def matrix(self, edge_index: Tensor, num_nodes: int) -> Tensor:
        """The operator of a graph, sparse CSR ``(N, N)``; worth keeping, it is sorted anew.

        Args:
            edge_index: shape ``(2, E)``.
            num_nodes: ``N``.
        """


@dataclass(frozen=True)
class ColumnNormalised(Operator):
    """Every node divides its label among its neighbours: A D^-1 (spec 1.1, small graphs).

    >>> import torch
    >>> pair = torch.tensor([[0, 1], [1, 0]])
    >>> ColumnNormalised().matrix(pair, 2).to_dense()
    tensor([[0., 1.],
            [1., 0.]])
    """

    def matrix(self, edge_index: Tensor, num_nodes: int) -> Tensor:
        return column_normalised(edge_index, num_nodes)


@dataclass(frozen=True)
class RowNormalised(Operator):
    """Every node takes the mean of its neighbours: D^-1 A."""

    def matrix(self, edge_index: Tensor, num_nodes: int) -> Tensor:
        return row_normalised(edge_index, num_nodes)


@dataclass(frozen=True)
class Symmetric(Operator):
    """Halfway between both: D^-1/2 A D^-1/2 (spec 1.7, large graphs)."""

    def matrix(self, edge_index: Tensor, num_nodes: int) -> Tensor:
        return symmetric(edge_index, num_nodes)
