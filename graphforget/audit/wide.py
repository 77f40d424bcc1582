"""Many graph networks of one shape, computed side by side over one graph.

The weights of ``M`` networks are stacked, and their hidden units stand beside each other in one
matrix of ``M * H`` columns. The first layer is then one product with the features that all
networks share, sparse where the features are, and a message-passing step is one sparse product,
whatever ``M`` is. (``torch.func.vmap`` over PyG's layers was measured too: on a graph of the size
of Cora, 16 networks took 13 to 24 times as long as one, so nothing was won. Attention, which is
work per edge and unit, gains nothing from standing side by side either, 20 times, and is left to
single fits.)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv, GINConv, SAGEConv, models
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from graphforget.nn.csr import unremarked

KNOWN = (models.GCN, models.GIN, models.GraphSAGE)
SPARSE_BELOW = 0.1  # share of non-zeros under which a sparse product with the features pays


class Fixed:
    """A constant matrix that multiplies from the left, kept sparse where that is faster.

    Args:
        matrix: dense, shape ``(R, C)``, or a coalesced sparse COO tensor of that shape.
    """

    def __init__(self, matrix: Tensor) -> None:
        sparse = matrix.is_sparse
        if not sparse and matrix.count_nonzero() < SPARSE_BELOW * matrix.numel():
            matrix, sparse = matrix.to_sparse_coo(), True
        with unremarked():
            self.matrix = matrix.to_sparse_csr() if sparse else matrix
            self.transposed = matrix.t().coalesce().to_sparse_csr() if sparse else matrix.t()

    def __matmul__(self, columns: Tensor) -> Tensor:
        return _Product.apply(self.matrix, self.transposed, columns)


class _Product(torch.autograd.Function):
    """Matrix times columns, with a gradient for the columns alone."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, columns: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ columns

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ gradient.contiguous()


class Wide(nn.Module):
    """``M`` PyG networks as one module, with the parameter names of a single one.

    Args:
        networks: the ``M`` networks; they must pass `is_known`, and are not changed.
        x: node features that all share, shape ``(N, F)``.
        edge_index: the graph that all share, shape ``(2, E)``.
    """

    def __init__(self, networks: Sequence[nn.Module], x: Tensor, edge_index: Tensor) -> None:
        super().__init__()
        first: Any = networks[0]
        self.count: int = len(networks)
        self.dropout: float = first.dropout.p
        self.convs: nn.ModuleList = copy.deepcopy(first.convs)
        weights = [network.parameters() for network in networks]
        stacked = [torch.stack(same) for same in zip(*weights, strict=True)]
        for (name, _), values in zip(list(self.named_parameters()), stacked, strict=True):
            owner, _, leaf = name.rpartition(".")
            setattr(self.get_submodule(owner), leaf, nn.Parameter(values.detach().clone()))
        self._x = Fixed(x)
        self._graph = Graph(edge_index, x.size(0))

    def forward(self) -> Tensor:
        """Outputs of all networks, shape ``(M, N, C)``."""
        h: Fixed | Tensor = self._x
        for place, conv in enumerate(self.convs):
            h = LAYERS[type(conv)](conv, h, self._graph)
            if place < len(self.convs) - 1:
                h = self._drop(h.relu())
        assert isinstance(h, Tensor)
        return h.view(h.size(0), self.count, -1).transpose(0, 1)

    def _drop(self, h: Tensor) -> Tensor:
        """Dropout from uniform numbers, several times faster on a CPU than torch's own."""
        if not self.training or self.dropout == 0:
            return h
        kept = torch.rand_like(h) >= self.dropout
        return h * kept.to(h.dtype).div_(max(1 - self.dropout, 1e-9))

    def write_to(self, place: int, network: nn.Module) -> nn.Module:
        """Copy the weights of one of the networks into a single network, and return that."""
        with torch.no_grad():
            for mine, theirs in zip(self.parameters(), network.parameters(), strict=True):
                theirs.copy_(mine[place])
        return network


class Graph:
    """The matrices that message passing multiplies with, each built when first asked for.

    Args:
        edge_index: shape ``(2, E)``; messages go from the first row to the second.
        num_nodes: ``N``.
    """

    def __init__(self, edge_index: Tensor, num_nodes: int) -> None:
        self.edge_index, self.num_nodes = edge_index, num_nodes
        self._built: dict[str, Fixed] = {}

    def normalised(self) -> Fixed:
        """With self loops and symmetric normalisation, as in a GCN."""
        return self._once("normalised", lambda: gcn_norm(self.edge_index, None, self.num_nodes))

    def sum(self) -> Fixed:
        """Sum over the neighbours."""
        return self._once("sum", lambda: (self.edge_index, torch.ones(self.edge_index.size(1))))

    def mean(self) -> Fixed:
        """Mean over the neighbours; zero for a node without any."""
        degree = self.edge_index[1].bincount(minlength=self.num_nodes).clamp(min=1)
        return self._once("mean", lambda: (self.edge_index, 1.0 / degree[self.edge_index[1]]))

    def _once(self, name: str, make: Callable[[], tuple[Tensor, Tensor]]) -> Fixed:
        if name not in self._built:
            (source, target), weight = make()
            matrix = torch.sparse_coo_tensor(
                torch.stack([target, source]),
                weight.to(target.device),
                (self.num_nodes, self.num_nodes),
                check_invariants=False,
            )
            self._built[name] = Fixed(matrix.coalesce())
        return self._built[name]


def is_known(network: nn.Module) -> bool:
    """Whether `Wide` computes this network: PyG's GCN, GIN and GraphSAGE, without normalisation."""
    return (
        type(network) in KNOWN
        and network.jk_mode is None
        and network.norm is None
        and isinstance(network.act, nn.ReLU)
        and all(type(conv) in LAYERS for conv in network.convs)
    )


def _linear(weight: Tensor, h: Fixed | Tensor) -> Tensor:
    """Weights ``(M, out, in)`` times shared features or wide activations: ``(N, M * out)``."""
    if isinstance(h, Fixed):
        return h @ weight.permute(2, 0, 1).reshape(weight.size(2), -1)
    wide = h.view(h.size(0), weight.size(0), -1).transpose(0, 1)
    return torch.bmm(wide, weight.transpose(1, 2)).transpose(0, 1).reshape(h.size(0), -1)


def _gcn(conv: GCNConv, h: Fixed | Tensor, graph: Graph) -> Tensor:
    return graph.normalised() @ _linear(conv.lin.weight, h) + conv.bias.view(-1)


def _sage(conv: SAGEConv, h: Fixed | Tensor, graph: Graph) -> Tensor:
    near = graph.mean() @ _linear(conv.lin_l.weight, h) + conv.lin_l.bias.view(-1)
    return near + _linear(conv.lin_r.weight, h)


def _gin(conv: GINConv, h: Fixed | Tensor, graph: Graph) -> Tensor:
    first, last = conv.nn.lins
    own = _linear(first.weight, h)
    h = (graph.sum() @ own + (1 + conv.eps) * own + first.bias.view(-1)).relu()
    return _linear(last.weight, h) + last.bias.view(-1)


LAYERS: dict[type, Callable[..., Tensor]] = {
    GCNConv: _gcn,
    SAGEConv: _sage,
    GINConv: _gin,
}
"""How each kind of layer is computed for many networks at once."""
