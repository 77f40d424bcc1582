"""Structural denoising: labels that agree with their neighbours gain, labels alone lose.

ERASE, Chen et al. (CIKM 2024), as in specs/erase_graph.md sections 1.1 and 1.7. The paper's two
published paths differ in the operator, in what alpha weighs and in whether the start labels are
brought back at every step; all of these are arguments here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.utils import coalesce, remove_self_loops

from graphforget.core.errors import UserError
from graphforget.nn.csr import csr

OperatorOf = Callable[[Tensor, int], Tensor]
"""Makes a sparse ``(N, N)`` operator of ``edge_index``, shape ``(2, E)``, and ``N``."""


def column_normalised(edge_index: Tensor, num_nodes: int) -> Tensor:
    """A D^-1: each node divides its label evenly among its neighbours; columns sum to one.

    All three operators have ``A[i, j] = 1`` for an edge from ``j`` to ``i``, count an edge that is
    given twice once, leave self loops out, and give a node without neighbours a row of zeros.

    Args:
        edge_index: shape ``(2, E)``; both directions of an undirected edge.
        num_nodes: ``N``.

    Returns:
        Sparse CSR, shape ``(N, N)``, float32.

    Example:
        >>> star = torch.tensor([[0, 1, 0, 2], [1, 0, 2, 0]])
        >>> column_normalised(star, 3).to_dense()
        tensor([[0.0000, 1.0000, 1.0000],
                [0.5000, 0.0000, 0.0000],
                [0.5000, 0.0000, 0.0000]])
    """
    row, column = _entries(edge_index, num_nodes)
    return _csr(row, column, 1 / _degree(column, num_nodes)[column], num_nodes)


def row_normalised(edge_index: Tensor, num_nodes: int) -> Tensor:
    """D^-1 A: each node takes the mean of its neighbours; rows sum to one.

    Arguments and shape as in `column_normalised`.

    Example:
        >>> star = torch.tensor([[0, 1, 0, 2], [1, 0, 2, 0]])
        >>> row_normalised(star, 3).to_dense()
        tensor([[0.0000, 0.5000, 0.5000],
                [1.0000, 0.0000, 0.0000],
                [1.0000, 0.0000, 0.0000]])
    """
    row, column = _entries(edge_index, num_nodes)
    return _csr(row, column, 1 / _degree(row, num_nodes)[row], num_nodes)


def symmetric(edge_index: Tensor, num_nodes: int) -> Tensor:
    """D^-1/2 A D^-1/2, halfway between the other two.

    Arguments and shape as in `column_normalised`.

    Example:
        >>> path = torch.tensor([[0, 1], [1, 0]])
        >>> symmetric(path, 3).to_dense()
        tensor([[0., 1., 0.],
                [1., 0., 0.],
                [0., 0., 0.]])
    """
    row, column = _entries(edge_index, num_nodes)
    ends = _degree(row, num_nodes)[row] * _degree(column, num_nodes)[column]
    return _csr(row, column, ends.rsqrt(), num_nodes)


@torch.no_grad()
def propagate(
    y: Tensor, operator: Tensor, alpha: float, steps: int, anchor: bool = False
) -> Tensor:
    """Mix each node's soft label with what comes from its neighbours, ``steps`` times.

    One step is ``(1 - alpha) P Y + alpha Y`` (spec 1.1), and with ``anchor`` it is
    ``clamp((1 - alpha) P Y + alpha Y_start, 0, 1)`` (spec 1.7). In both alpha weighs the node
    itself. The published script for ogbn-arxiv lets it weigh the neighbours: its 0.5 is 0.5 here,
    and its default of 0.6 is 0.4 here.

    Args:
        y: soft labels, shape ``(N, K)``; not changed.
        operator: ``P``, sparse ``(N, N)``.
        alpha: weight of self, from 0 to 1.
        steps: how many hops labels travel.
        anchor: bring the start labels back at every step.

    Returns:
        Shape ``(N, K)``. Rows are not renormalised: how little is left of a row says how alone
        the label stands.

    Example:
        >>> path = column_normalised(torch.tensor([[0, 1], [1, 0]]), 3)
        >>> labels = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
        >>> propagate(labels, path, alpha=0.6, steps=1)
        tensor([[0.6000, 0.0000],
                [0.4000, 0.0000],
                [0.0000, 0.6000]])
    """
    operator = operator.to(y.dtype)
    start, y = y, y.clone()
    for _ in range(steps):
        spread = (1 - alpha) * (operator @ y)
        y = (spread + alpha * start).clamp_(0, 1) if anchor else spread + alpha * y
    return y


def structural_labels(
    y: Tensor,
    train_mask: Tensor,
    edge_index: Tensor,
    num_classes: int,
    operator_of: OperatorOf = column_normalised,
    alpha: float = 0.6,
    steps: int = 5,
    anchor: bool = False,
    within: bool = True,
) -> Tensor:
    """Soft labels of the training nodes after their labels went along the edges (spec 1.1).

    A training node without training neighbours keeps its label, shrunk to ``alpha ** steps``.

    Args:
        y: given labels, shape ``(N,)`` int64; -1 is none.
        train_mask: bool, shape ``(N,)``; only labels of these nodes are read.
        edge_index: shape ``(2, E)``.
        num_classes: ``K``.
        operator_of: makes the operator of the edges used.
        alpha: weight of self.
        steps: number of steps.
        anchor: bring the given labels back at every step.
        within: use edges between training nodes only; else all edges.

    Returns:
        Shape ``(N, K)`` float32; zero outside the labelled training nodes.

    Raises:
        UserError: no training node has a label, or a label is not below ``num_classes``.

    Example:
        >>> y, train = torch.tensor([0, 0, 1]), torch.tensor([True, True, False])
        >>> structural_labels(y, train, torch.tensor([[1, 2], [2, 1]]), 2, steps=2)
        tensor([[0.3600, 0.0000],
                [0.3600, 0.0000],
                [0.0000, 0.0000]])
    """
    given = train_mask & (y >= 0)
    if not bool(given.any()):
        raise UserError("structural denoising: wanted a labelled training node, got none")
    if int(y[given].max()) >= num_classes:
        raise UserError(
            f"structural denoising: wanted labels below {num_classes}, got {int(y[given].max())}"
        )
    if within:
        edge_index = edge_index[:, given[edge_index].all(0)]
    start = F.one_hot(torch.where(given, y, 0), num_classes).float() * given[:, None]
    operator = operator_of(edge_index, y.numel())
    return propagate(start, operator, alpha, steps, anchor) * given[:, None]


def _entries(edge_index: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Rows (where an edge goes to) and columns (where it comes from), sorted by row."""
    edges, _ = remove_self_loops(edge_index.flip(0))
    row, column = coalesce(edges, num_nodes=num_nodes)
    return row, column


def _degree(ends: Tensor, num_nodes: int) -> Tensor:
    return torch.bincount(ends, minlength=num_nodes).float()


def _csr(row: Tensor, column: Tensor, value: Tensor, num_nodes: int) -> Tensor:
    starts = torch.zeros(num_nodes + 1, dtype=torch.int64, device=row.device)
    starts[1:] = torch.bincount(row, minlength=num_nodes).cumsum(0)
    return csr(starts, column, value, (num_nodes, num_nodes))
