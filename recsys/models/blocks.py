"""Layers that several backbones share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphforget.core.errors import UserError


def dense_blocks(inputs: int, hidden: Sequence[int], dropout: float) -> nn.Sequential:
    """Blocks of linear layer, batch norm, ReLU and dropout, one for every hidden size.

    Args:
        inputs: length of the input.
        hidden: sizes of the layers.
        dropout: chance that a unit is dropped, below 1.

    Raises:
        UserError: for a size below 1 or a chance that is none.

    >>> sum(weight.numel() for weight in dense_blocks(176, (32, 16), 0.2).parameters())
    6288
    """
    if any(size < 1 for size in hidden) or not 0 <= dropout < 1:
        raise UserError(
            "backbone: wanted hidden sizes from 1 and a dropout from 0 and below 1, got "
            f"{tuple(hidden)} and {dropout}"
        )
    layers: list[nn.Module] = []
    for size, following in pairwise((inputs, *hidden)):
        layers += [nn.Linear(size, following), _BatchNorm(following), nn.ReLU()]
        layers += [_Dropout(dropout)]
    return nn.Sequential(*layers)


def tower(inputs: int, hidden: Sequence[int], dropout: float) -> nn.Sequential:
    """Dense blocks with one linear output: ``(B, inputs)`` to ``(B, 1)``."""
    return dense_blocks(inputs, hidden, dropout).append(nn.Linear((inputs, *hidden)[-1], 1))


def pairwise_sum(e: Tensor) -> Tensor:
    """The sum of the inner products of all pairs of fields, in linear time.

    ``1/2 sum_d [(sum_f e)^2 - sum_f e^2]`` (Rendle 2010, Lemma 3.1).

    Args:
        e: shape ``(B, F, d)``.

    Returns:
        Shape ``(B,)``.

    >>> pairwise_sum(torch.tensor([[[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]]]))  # 11 + 2 + 4
    tensor([17.])
    """
    return _PairwiseSum.apply(e)


class _PairwiseSum(torch.autograd.Function):
    """Its gradient, ``sum_f e - e``, takes two passes over the vectors where autograd takes six."""

    generate_vmap_rule = True

    @staticmethod
    def forward(e: Tensor) -> Tensor:
        total, flat = e.sum(dim=1), e.flatten(1)
        return 0.5 * (torch.linalg.vecdot(total, total) - torch.linalg.vecdot(flat, flat))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (e,) = ctx.saved_tensors  # an input, so that this can be differentiated again
        return (e.sum(dim=1, keepdim=True) - e) * gradient[:, None, None]


class _BatchNorm(nn.BatchNorm1d):
    """Batch norm that takes a single row too, where one has to be unlearned: as it would answer.

    One row has no variance, so it is scaled by the running one, which it leaves as it was.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) == 1:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


class _Dropout(nn.Dropout):
    """Dropout, from uniform draws: on a CPU twice as quick as torch's, which draws bits singly."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0 or x.device.type != "cpu":
            return super().forward(x)
        kept = torch.rand(x.shape, device=x.device) >= self.p
        return x * kept.to(x.dtype).mul_(1 / (1 - self.p))
