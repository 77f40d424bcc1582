"""Graph attention by sparse products, and the network that ERASE puts it into."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GATConv

from graphforget.core.errors import UserError
from graphforget.nn.encoders import Encoder
from graphforget.nn.pattern import Pattern, WeightedSum, multiplies_sparsely, pattern_of


class SparseGATConv(GATConv):
    """PyG's `GATConv` with the same weights and answers, computed by sparse products.

    With one head and more outputs than inputs it passes messages before it multiplies by the
    weights, on the smaller side. What it cannot do so it leaves to PyG's forward.

    Args:
        in_channels: width of the input.
        out_channels: width of each head.
        heads: attention heads, side by side in the output.
    """

    def __init__(self, in_channels: int, out_channels: int, heads: int = 1) -> None:
        super().__init__(in_channels, out_channels, heads=heads)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Output of the layer, shape ``(N, heads * out_channels)``.

        Args:
            x: shape ``(N, in_channels)``, dense or CSR.
            edge_index: shape ``(2, E)``.
        """
        if not multiplies_sparsely(x):
            return super().forward(x, edge_index)
        early = self.heads == 1 and x.layout is torch.strided and x.size(1) < self.out_channels
        shape = (-1, self.heads, self.out_channels)
        if early:
            says, hears = (x @ (a.view(1, -1) @ self.lin.weight).T for a in self._attention())
            passed = x[:, None]
        else:
            passed = self.lin(x).view(shape)
            says, hears = ((passed * a).sum(-1) for a in self._attention())
        pattern = pattern_of(edge_index, x.size(0))
        weight = self._weights(says[pattern.source] + hears[pattern.target], pattern)
        total = WeightedSum.apply(weight, passed, pattern)
        output = self.lin(total[:, 0]) if early else total.flatten(1)
        return output + self.bias

    def _attention(self) -> tuple[Tensor, Tensor]:
        return self.att_src, self.att_dst

    def _weights(self, score: Tensor, pattern: Pattern) -> Tensor:
        """Softmax of the edges' scores over the edges into each node, shape ``(E, H)``."""
        score, target = F.leaky_relu(score, self.negative_slope), pattern.target
        top = score.new_zeros(pattern.start.numel() - 1, score.size(1))
        place = target[:, None].expand_as(score)
        top.scatter_reduce_(0, place, score.detach(), "amax", include_self=False)
        share = (score - top[target]).exp()
        return share / torch.zeros_like(top).index_add(0, target, share)[target]


class Attention(nn.Module):
    """Attention layers with a leaky ReLU and rows of unit L1 norm between them.

    Args:
        in_channels: width of the features.
        hidden: total width of the heads in every layer but the last.
        layers: number of layers.
        out_channels: width of the last layer, which has one head.
        heads: heads of every layer but the last.
        dropout: probability of dropping a hidden unit in training.
        slope: of the leaky ReLU; 0 for a plain one.
    """

    def __init__(
        self, in_channels: int, hidden: int, layers: int, out_channels: int, heads: int,
        dropout: float, slope: float,
    ) -> None:
        super().__init__()
        widths = [in_channels] + [hidden] * (layers - 1)
        self.convs = nn.ModuleList(
            SparseGATConv(width, hidden // heads, heads) for width in widths[:-1]
        )
        self.convs.append(SparseGATConv(widths[-1], out_channels))
        self.dropout, self.slope = dropout, slope

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Output of the last layer as it is, shape ``(N, out_channels)``.

        Args:
            x: shape ``(N, in_channels)``, dense or CSR.
            edge_index: shape ``(2, E)``.
        """
        for conv in self.convs[:-1]:
            x = F.normalize(F.leaky_relu(conv(x, edge_index), self.slope), p=1.0, dim=1)
            x = F.dropout(x, self.dropout, self.training)
        return self.convs[-1](x, edge_index)


@dataclass(frozen=True)
class NormalisedGAT(Encoder):
    """The attention network of ERASE (Chen et al., CIKM 2024; erase_graph.md 1.2).

    Eight heads of 32 and a last layer of one head; hidden rows have unit L1 norm.

    Args:
        heads: attention heads of every layer but the last; ``hidden`` is their total width.
        slope: of the leaky ReLU between layers; 0 for a plain one.
    """

    hidden: int = 256
    heads: int = 8
    slope: float = 0.01

    sparse_input = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.heads, int) or self.heads < 1 or self.hidden % self.heads:
            raise UserError(
                f"encoder heads: wanted a divisor of hidden ({self.hidden}), got {self.heads!r}"
            )
        if not isinstance(self.slope, (int, float)) or not 0 <= self.slope < 1:
            raise UserError(f"encoder slope: wanted 0 up to below 1, got {self.slope!r}")

    def module(self, in_channels: int, out_channels: int) -> nn.Module:
        return Attention(
            in_channels, self.hidden, self.layers, out_channels, self.heads, self.dropout,
            self.slope,
        )
