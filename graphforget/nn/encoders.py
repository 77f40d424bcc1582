"""The encoders: PyG's own models, chosen and sized by a frozen dataclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch_geometric.nn import models

from graphforget.core.errors import UserError


@dataclass(frozen=True)
class Encoder(ABC):
    """A graph network ``forward(x, edge_index) -> (N, C)`` with ReLU between its layers.

    Args:
        hidden: width of every layer but the last.
        layers: number of message-passing layers, which is also how many hops a node sees.
        dropout: probability of dropping a hidden unit in training. None is dropped by default:
            the reference figures of d2dgn.md were measured so, and what a request changes stands
            out less against noise.
    """

    hidden: int = 64
    layers: int = 2
    dropout: float = 0.0

    sparse_input: ClassVar[bool] = False
    """Whether the first layer multiplies the features by weights before it passes messages, so
    that it can take them as a sparse CSR tensor."""

    def __post_init__(self) -> None:
        for name in ("hidden", "layers"):
            size = getattr(self, name)
            if not isinstance(size, int) or size < 1:
                raise UserError(f"encoder {name}: wanted a whole number from 1, got {size!r}")
        if not isinstance(self.dropout, (int, float)) or not 0 <= self.dropout < 1:
            raise UserError(f"encoder dropout: wanted 0 up to below 1, got {self.dropout!r}")

    @abstractmethod
    def module(self, in_channels: int, out_channels: int) -> nn.Module:
        """A new module with weights drawn from torch's global generator."""

    def build(self, in_channels: int, out_channels: int, seed: int) -> nn.Module:
        """A new module with weights drawn from ``seed``; the global generator is left alone.

        >>> first, second = (GCN(hidden=4).build(3, 2, seed=0) for _ in range(2))
        >>> all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters()))
        True
        """
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self.module(in_channels, out_channels)


@dataclass(frozen=True)
class GCN(Encoder):
    """Graph convolutional network (Kipf and Welling, ICLR 2017)."""

    sparse_input = True

    def module(self, in_channels: int, out_channels: int) -> nn.Module:
        return models.GCN(
            in_channels, self.hidden, self.layers, out_channels, dropout=self.dropout
        )


@dataclass(frozen=True)
class GAT(Encoder):
    """Graph attention network (Velickovic et al., ICLR 2018).

    Args:
        heads: attention heads; ``hidden`` is their total width.
    """

    heads: int = 8

    sparse_input = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.heads, int) or self.heads < 1 or self.hidden % self.heads:
            raise UserError(
                f"encoder heads: wanted a divisor of hidden ({self.hidden}), got {self.heads!r}"
            )

    def module(self, in_channels: int, out_channels: int) -> nn.Module:
        return models.GAT(
            in_channels,
            self.hidden,
            self.layers,
            out_channels,
            dropout=self.dropout,
            heads=self.heads,
        )


@dataclass(frozen=True)
class GIN(Encoder):
    """Graph isomorphism network (Xu et al., ICLR 2019)."""

    def module(self, in_channels: int, out_channels: int) -> nn.Module:
        return models.GIN(
            in_channels, self.hidden, self.layers, out_channels, dropout=self.dropout
        )


@dataclass(frozen=True)
class GraphSAGE(Encoder):
    """Sample-and-aggregate network with mean aggregation (Hamilton et al., NeurIPS 2017)."""

    def module(self, in_channels: int, out_channels: int) -> nn.Module:
        return models.GraphSAGE(
            in_channels, self.hidden, self.layers, out_channels, dropout=self.dropout
        )
