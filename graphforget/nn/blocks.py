"""A graph network in stages, each with parameters of its own: what exact forgetting switches off.

S3T trains a stage on top of the frozen ones before it, and deletes by switching stages off from
the last on. That is exact only if no parameter is shared: input, adapters and head belong to one
stage each, and there is nothing that is computed over a batch, such as running statistics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from graphforget.core.errors import UserError
from graphforget.nn.adapters import FullRank, LowRank, drawn
from graphforget.nn.csr import csr
from graphforget.nn.pattern import WeightedSum, multiplies_sparsely, pattern_of


@dataclass(frozen=True)
class StackShape:
    """The sizes of a `StackedGCN`.

    Args:
        in_channels: number of features, F.
        out_channels: number of classes, C.
        hidden: width, H.
        blocks: residual graph convolutions, which is also how many hops a node sees.
        rank: of the change that a stage makes to its block.
        input_rank: of the change that every stage after the first makes to the input's map; None
            for a whole matrix, 0 for none, which leaves the input to the first stage alone.
        additive: add up the logits of all stages, instead of asking the last stage's head.
        seed: of the frozen backbone, which is a public constant.
    """

    in_channels: int
    out_channels: int
    hidden: int = 64
    blocks: int = 2
    rank: int = 32
    input_rank: int | None = None
    additive: bool = False
    seed: int = 0


class Stage(nn.Module):
    """What one stage owns: a change of the input's map, an adapter of one block, and a head.

    Args:
        shape: of the network.
        first: whether it is the first, whose input map and head are drawn; those of later ones
            start at zero, so that a new stage changes nothing.
        generator: what is drawn from.
    """

    def __init__(self, shape: StackShape, first: bool, generator: Generator) -> None:
        super().__init__()
        self.input = _input(shape, first, generator)
        self.adapter = LowRank(shape.hidden, shape.hidden, shape.rank, generator)
        self.head = FullRank(shape.hidden, shape.out_channels, generator if first else None)
        self.bias = nn.Parameter(torch.zeros(shape.out_channels))

    def logits(self, hidden: Tensor) -> Tensor:
        """The head's answer, shape ``(N, C)``."""
        return self.head(hidden) + self.bias


class StackedGCN(nn.Module):
    """A frozen random residual GCN that stages adapt from the top block down, and over again.

    ``h = sum_i input_i(x)``; in each block ``h <- h + relu(A (h W + sum_i adapter_i(h)))`` over
    the stages i that own it, A with loops and symmetric normalisation; the answer is the last
    stage's head of h. Stage i owns block ``blocks - 1 - i mod blocks`` (s3t.md 1.1 and 4a).

    Args:
        shape: the sizes.
        seeds: one a stage: what each draws its first values from.
    """

    backbone: Tensor
    """Shape ``(blocks, H, H)``, never trained: a function of the shape's seed."""

    def __init__(self, shape: StackShape, seeds: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        fixed = Generator().manual_seed(shape.seed)
        width = shape.hidden
        weights = [drawn(width, width, generator=fixed).detach() for _ in range(shape.blocks)]
        self.register_buffer("backbone", torch.stack(weights), persistent=False)
        self.stages = nn.ModuleList(
            Stage(shape, place == 0, Generator().manual_seed(seed))
            for place, seed in enumerate(seeds)
        )

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        generator: Generator | None = None,
        dropout: float = 0.0,
    ) -> Tensor:
        """Logits, shape ``(N, C)``.

        Args:
            x: shape ``(N, F)``, dense or CSR.
            edge_index: shape ``(2, E)``.
            generator: where masks are drawn from in training; without one nothing is dropped.
            dropout: share of what enters the input map, every block and the head that is dropped.
        """
        share = 0.0 if generator is None else dropout
        stages = [self.stage(place) for place in range(len(self.stages))]
        x = thinned(x, share, generator)
        hidden = torch.stack([one.input(x) for one in stages if one.input is not None]).sum(0)
        for block, weight in enumerate(self.backbone):
            hidden = thinned(hidden, share, generator)  # what passes by the block, too
            message = hidden @ weight
            for place, one in enumerate(stages):
                if self.block_of(place) == block:
                    message = message + one.adapter(hidden)
            hidden = hidden + propagated(message, edge_index).relu()
        hidden = thinned(hidden, share, generator)
        asked = stages if self.shape.additive else stages[-1:]
        return torch.stack([one.logits(hidden) for one in asked]).sum(0)

    def block_of(self, place: int) -> int:
        """The block that the stage at a place of its order adapts."""
        return self.shape.blocks - 1 - place % self.shape.blocks

    def stage(self, place: int) -> Stage:
        """One of the stages."""
        return self.stages[place]  # type: ignore[return-value]

    def stage_parameters(self, place: int) -> dict[str, nn.Parameter]:
        """The parameters of one stage, and of no other: known by identity, not by their names.

        Raises:
            UserError: if a parameter is another stage's too.
        """
        own = dict(self.stages[place].named_parameters())
        others = {
            id(parameter)
            for other, stage in enumerate(self.stages)
            for parameter in stage.parameters()
            if other != place
        }
        shared = sorted(name for name, parameter in own.items() if id(parameter) in others)
        if shared:
            raise UserError(
                f"stage {place}: wanted parameters of its own, got {shared[0]} shared with "
                "another stage; make one for each"
            )
        return own

    def set_stage(self, place: int, state: Mapping[str, Tensor]) -> None:
        """Fill one stage with weights that were trained, and freeze it; they are copied."""
        self.stages[place].load_state_dict(state)
        self.stages[place].requires_grad_(False)

    def take_over_head(self, place: int) -> None:
        """Start a stage's head as a copy of the one before, which makes a new stage no change."""
        if place > 0 and not self.shape.additive:
            before, own = self.stage(place - 1), self.stage(place)
            own.head.load_state_dict(before.head.state_dict())
            own.bias.data.copy_(before.bias.data)


def propagated(x: Tensor, edge_index: Tensor) -> Tensor:
    """Each node's neighbours and itself, weighed by ``1 / sqrt(d_i d_j)`` (Kipf and Welling).

    Args:
        x: shape ``(N, H)``.
        edge_index: shape ``(2, E)``; loops in it count once.

    >>> propagated(torch.tensor([[1.0], [3.0]]), torch.tensor([[0, 1], [1, 0]])).round()
    tensor([[2.],
            [2.]])
    """
    pattern = pattern_of(edge_index, x.size(0))
    scale = pattern.start.diff().to(x.dtype).rsqrt()
    weight = scale[pattern.source] * scale[pattern.target]
    if multiplies_sparsely(x):
        return WeightedSum.apply(weight[:, None], x[:, None], pattern)[:, 0]
    messages = weight[:, None] * x[pattern.source]
    return torch.zeros_like(x).index_add(0, pattern.target, messages)


def thinned(x: Tensor, share: float, generator: Generator | None) -> Tensor:
    """A share of the entries set to zero and the rest scaled up; CSR stays CSR.

    Unlike torch's dropout it draws from ``generator``, not from the process.
    """
    if share == 0.0:
        return x
    values = x if x.layout is torch.strided else x.values()
    mask = torch.rand(values.shape, generator=generator, device=values.device) >= share
    kept = values * mask / (1.0 - share)
    if x.layout is torch.strided:
        return kept
    return csr(x.crow_indices(), x.col_indices(), kept, tuple(x.shape))


def _input(shape: StackShape, first: bool, generator: Generator) -> nn.Module | None:
    wide, width = shape.in_channels, shape.hidden
    if first:
        return FullRank(wide, width, generator, gain=2.0)  # He: half of what follows is cut off
    if shape.input_rank is None:
        return FullRank(wide, width)
    return LowRank(wide, width, shape.input_rank, generator) if shape.input_rank else None
