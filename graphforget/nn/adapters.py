"""Low-rank changes of a weight that is not trained itself (LoRA)."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn


class LowRank(nn.Module):
    """The change ``down @ up`` of a linear map, nothing at first (Hu et al., ICLR 2022).

    Args:
        in_channels: width of the input, F.
        out_channels: width of the output, H.
        rank: width between the two, R.
        generator: what the first factor is drawn from; the second starts at zero.

    >>> change = LowRank(3, 2, rank=1, generator=Generator().manual_seed(0))
    >>> change(torch.ones(1, 3))
    tensor([[0., 0.]], grad_fn=<MmBackward0>)
    """

    down: nn.Parameter
    """Shape ``(F, R)``."""
    up: nn.Parameter
    """Shape ``(R, H)``."""

    def __init__(
        self, in_channels: int, out_channels: int, rank: int, generator: Generator
    ) -> None:
        super().__init__()
        self.down = drawn(in_channels, rank, generator=generator)
        self.up = nn.Parameter(torch.zeros(rank, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """What is added to the output, shape ``(N, H)``; ``x``, shape ``(N, F)``, may be CSR."""
        return x @ self.down @ self.up


class FullRank(nn.Module):
    """The change of a linear map as a whole matrix.

    Args:
        in_channels: width of the input, F.
        out_channels: width of the output, H.
        generator: what the matrix is drawn from; without one it starts at zero.
        gain: of the variance.
    """

    weight: nn.Parameter
    """Shape ``(F, H)``."""

    def __init__(
        self, in_channels: int, out_channels: int, generator: Generator | None = None,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = (
            nn.Parameter(torch.zeros(in_channels, out_channels))
            if generator is None
            else drawn(in_channels, out_channels, generator, gain)
        )

    def forward(self, x: Tensor) -> Tensor:
        """What is added to the output, shape ``(N, H)``; ``x``, shape ``(N, F)``, may be CSR."""
        return x @ self.weight


def drawn(rows: int, columns: int, generator: Generator, gain: float = 1.0) -> nn.Parameter:
    """A matrix ``(rows, columns)`` of normal numbers with variance ``gain / rows``.

    Drawn from ``generator`` alone: torch's own initialisation moves the global one, which belongs
    to whoever trains beside us.
    """
    return nn.Parameter(torch.randn(rows, columns, generator=generator) * (gain / rows) ** 0.5)
