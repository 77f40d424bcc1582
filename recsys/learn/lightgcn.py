"""LightGCN: embeddings that are averaged over the neighbourhood, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary
from torch_geometric.data import Data
from torch_geometric.nn import LGConv
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.nn.models import LightGCN as Propagation

from graphforget.core.errors import UserError
from graphforget.nn.csr import csr
from recsys.learn.pairwise import PairwiseLearner, Recommender


class SymmetricLGConv(LGConv):
    """PyG's layer, for graphs with both directions of every edge, by one sparse product.

    Gathering a message an edge took nine times as long on MovieLens-100K, and without knowing that
    the matrix is its own transpose, backpropagation took three times as long again.

    >>> square = torch.tensor([[0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]])
    >>> x = torch.tensor([[2.0], [4.0], [6.0]])
    >>> SymmetricLGConv()(x, square).equal(LGConv()(x, square))
    True
    """

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: None = None) -> Tensor:
        """Averages over neighbours by ``D^-1/2 A D^-1/2``, shape ``(N, D)``."""
        return _Product.apply(adjacency_of(edge_index, x.size(0)), x)


class LightGraph(Recommender):
    """PyG's LightGCN as a network ``forward(x, edge_index)``.

    Args:
        num_nodes: ``N``.
        width: of the embeddings.
        layers: hops over which they are averaged.
    """

    def __init__(self, num_nodes: int, width: int, layers: int) -> None:
        nn.Module.__init__(self)
        self.network = Propagation(num_nodes, width, layers)
        self.network.convs = nn.ModuleList(SymmetricLGConv() for _ in range(layers))
        self.reset_parameters()

    @property
    def rows(self) -> nn.Parameter:  # type: ignore[override]
        """The embeddings before they are averaged, shape ``(N, D)``."""
        return self.network.embedding.weight

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Averaged embeddings, shape ``(N, D)``."""
        return self.network.get_embedding(edge_index)


@dataclass(frozen=True)
class LightGCN(PairwiseLearner):
    """LightGCN (He et al., SIGIR 2020), trained by BPR.

    A step passes messages over the whole graph, so batches are large. What a request takes out of
    the graph changes both the loss and the averages.

    Args:
        layers: hops over which embeddings are averaged.
    """

    width: int = 64
    epochs: int = 40
    learning_rate: float = 0.02
    penalty: float = 0.001
    batch_size: int = 8192
    layers: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.layers, int) or self.layers < 1:
            raise UserError(f"LightGCN layers: wanted a whole number from 1, got {self.layers!r}")

    def module(self, data: Data) -> LightGraph:
        return LightGraph(int(data.num_nodes or 0), self.width, self.layers)


def adjacency_of(edge_index: Tensor, num_nodes: int) -> Tensor:
    """``D^-1/2 A D^-1/2`` as compressed rows, ``(N, N)``, kept while ``edge_index`` is the same.

    Args:
        edge_index: both directions of every edge, shape ``(2, E)``.
        num_nodes: ``N``.
    """
    now = (num_nodes, edge_index._version)
    known = _ADJACENCY.get(edge_index)
    if known is None or known[0] != now:
        edges, weight = gcn_norm(edge_index, None, num_nodes, add_self_loops=False)
        order = (edges[1] * num_nodes + edges[0]).argsort()
        start = torch.zeros(num_nodes + 1, dtype=torch.int32, device=edges.device)
        start[1:] = edges[1].bincount(minlength=num_nodes).cumsum(0)
        shape = (num_nodes, num_nodes)
        known = (now, csr(start, edges[0, order].int(), weight[order], shape))
        _ADJACENCY[edge_index] = known
    return known[1]


_ADJACENCY = WeakTensorKeyDictionary()


class _Product(torch.autograd.Function):
    """A symmetric sparse matrix times features; its gradient is the same product."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, x: Tensor) -> Tensor:
        ctx.matrix = matrix
        return matrix @ x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, _Product.apply(ctx.matrix, gradients[0])
