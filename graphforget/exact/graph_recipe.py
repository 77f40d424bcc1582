"""Stages of graph networks: changes stacked on frozen ones, or whole models of any learner."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call
from torch.utils.weak import WeakTensorKeyDictionary
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.environment import repeatable
from graphforget.exact.recipe import Recipe, State
from graphforget.learn.cross_entropy import CrossEntropy
from graphforget.learn.trainer import descend
from graphforget.nn import sparse_features
from graphforget.nn.blocks import StackedGCN, StackShape
from graphforget.protocols import Learner
from graphforget.task import NodeClassification


@dataclass(frozen=True)
class GraphRecipe(Recipe):
    """What stages of node classification have in common.

    Args:
        num_classes: number of classes, C; told, since no slice needs to hold them all.
        prior: probability of each class where no stage is left to ask, a public constant; empty
            for all alike.
    """

    num_classes: int
    prior: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        NodeClassification(self.num_classes)  # refuses what is no number of classes
        fits = len(self.prior) == self.num_classes and min(self.prior, default=0.0) >= 0
        if self.prior and not (fits and abs(sum(self.prior) - 1) < 1e-6):
            raise UserError(
                f"recipe prior: wanted {self.num_classes} shares with sum 1, got {self.prior}"
            )

    @property
    def task(self) -> NodeClassification:
        """What the stages are trained for."""
        return NodeClassification(self.num_classes)

    def constant(self, rows: Data) -> Tensor:
        prior = self.prior or (1 / self.num_classes,) * self.num_classes
        return torch.tensor(prior, dtype=rows.x.dtype).expand(int(rows.num_nodes or 0), -1)

    def teaches(self, rows: Data) -> bool:
        """Whether there is a labelled training node among the rows."""
        return self.task.train_items(rows).numel() > 0


@dataclass(frozen=True)
class StackedStages(GraphRecipe):
    """Stages in a chain: each adds an input map, an adapter and a head to a frozen random GCN.

    The sizes are those of the prototype (s3t.md 6.1). That every stage brings an input map of its
    own, and that what enters each map is dropped at random, closed its accuracy gap (Cora, four
    shards of four slices, no deletion: .87, against .84 with the first stage's map alone).

    Args:
        hidden: width, H.
        blocks: residual graph convolutions.
        rank: of a stage's change of its block.
        input_rank: of a stage's change of the input's map; None for a whole matrix, 0 for none.
        additive: add up the logits of all stages, instead of asking the last stage's head.
        dropout: share of inputs dropped in training.
        epochs: steps of a stage, each on all of its rows; fixed beforehand.
        learning_rate: step size of Adam.
        weight_decay: L2 penalty of Adam, which holds a stage's changes small.
        backbone_seed: of the frozen weights, a public constant.
    """

    chained: ClassVar[bool] = True

    hidden: int = 64
    blocks: int = 2
    rank: int = 32
    input_rank: int | None = None
    additive: bool = False
    dropout: float = 0.5
    epochs: int = 100
    learning_rate: float = 0.01
    weight_decay: float = 5e-4
    backbone_seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden", "blocks", "rank", "epochs"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise UserError(
                    f"recipe {name}: wanted a whole number from 1, got {getattr(self, name)!r}"
                )
        if not 0 <= self.dropout < 1:
            raise UserError(f"recipe dropout: wanted 0 up to below 1, got {self.dropout!r}")

    def train(self, rows: Data, before: Sequence[State], seed: int) -> State:
        place = len(before)
        network = self.network(rows.num_features, (0,) * place + (seed,))
        for earlier, state in enumerate(before):
            network.set_stage(earlier, state)
        network.take_over_head(place)
        network.to(rows.x.device, rows.x.dtype)
        own = network.stage_parameters(place)
        if self.teaches(rows):
            x, labelled = sparse_features(rows).x, self.task.train_items(rows)

            def loss(model: nn.Module, generator: Generator) -> Tensor:
                output = model(x, rows.edge_index, generator, self.dropout)
                return self.task.example_loss(output[labelled], rows, labelled).mean()

            optimizer = torch.optim.Adam(
                own.values(), lr=self.learning_rate, weight_decay=self.weight_decay
            )
            descend(network, loss, optimizer, self.epochs, seed)
        elif place == 0:
            own["head.weight"].data.zero_()  # nothing was learnt: all classes alike
        return {name: parameter.detach().clone() for name, parameter in own.items()}

    def respond(self, rows: Data, states: Sequence[State]) -> Tensor:
        network = self.network(rows.num_features, (0,) * len(states)).to(rows.x.dtype)
        network.eval().to(rows.x.device)
        weights = {
            f"stages.{place}.{name}": value
            for place, state in enumerate(states)
            for name, value in state.items()
        }
        x = _prepared(rows, sparse_features, None)
        return functional_call(network, weights, (x, rows.edge_index)).softmax(-1)

    def network(self, in_channels: int, seeds: tuple[int, ...]) -> StackedGCN:
        """The network with fresh stages, one a seed."""
        shape = StackShape(
            in_channels, self.num_classes, self.hidden, self.blocks, self.rank, self.input_rank,
            self.additive, self.backbone_seed,
        )
        return StackedGCN(shape, seeds)


@dataclass(frozen=True)
class LoneStages(StackedStages):
    """Each stage is a network of its own, built like the first of a chain: for plans of subsets."""

    chained: ClassVar[bool] = False


@dataclass(frozen=True)
class WholeModel(GraphRecipe):
    """Stages that are models of their own, trained by a learner on the rows of a subset.

    Args:
        learner: how one is trained; it may choose by nothing but the rows it is given.
    """

    chained: ClassVar[bool] = False

    learner: Learner = CrossEntropy(snapshots=())

    def train(self, rows: Data, before: Sequence[State], seed: int) -> State:
        if not self.teaches(rows):
            return {}
        _skeleton(self.learner, self.task, rows.num_features, rows.x.dtype)  # before `respond` asks
        trained = self.learner.fit(rows, self.task, seed)
        return {name: value.clone() for name, value in trained.model.state_dict().items()}

    def respond(self, rows: Data, states: Sequence[State]) -> Tensor:
        (state,) = states
        if not state:
            return self.constant(rows)
        model = copy.deepcopy(
            _skeleton(self.learner, self.task, rows.num_features, rows.x.dtype)
        )
        x = _prepared(rows, self.learner.inputs, self.learner)
        return functional_call(model.eval(), state, (x, rows.edge_index)).softmax(-1)


@lru_cache(maxsize=8)
def _skeleton(
    learner: Learner, task: NodeClassification, in_channels: int, dtype: torch.dtype
) -> nn.Module:
    """A learner's network without weights, made once: making one moves the global generator."""
    like = Data(
        x=torch.zeros(1, in_channels, dtype=dtype), edge_index=torch.zeros(2, 0, dtype=torch.long)
    )
    with repeatable():
        return learner.build(like, task, seed=0).to("meta").requires_grad_(False)


_PREPARED = WeakTensorKeyDictionary()


def _prepared(rows: Data, prepare: Callable[[Data], Data], whose: Hashable) -> Tensor:
    """The features as a network multiplies them fastest, kept while the given ones live."""
    given = rows.x
    if given.layout is not torch.strided or given.is_inference() or given.requires_grad:
        return given
    known = _PREPARED.get(given)
    now = (given._version, whose)
    if known is None or known[0] != now:
        x = prepare(rows).x
        # a tensor that stood as its own entry would never be freed
        known = _PREPARED[given] = (now, None if x is given else x)
    return given if known[1] is None else known[1]
