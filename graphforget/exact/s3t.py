"""S3T: stages in chains over slices, several orders of them, and deletion by switching off."""

from __future__ import annotations

from dataclasses import dataclass

from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import Recipe
from graphforget.exact.sharded import Sharded
from graphforget.task import NodeClassification


@dataclass(frozen=True)
class S3T(Sharded):
    """Train slices in stages that can be switched off (S3T, Chowdhury et al., ICLR 2025).

    Each shard trains every order of its slices as a chain of stages with
    parameters of their own; a deletion kills the stages that saw it, and the shard answers from
    the longest beginning that is left. `graphforget s3t plan` says what a choice costs.

    Args:
        shards: m, disjoint parts of the nodes.
        slices: L, disjoint parts of a shard.
        orders: B, evenly spaced rotations of the slices; None for as many as there are slices.
        salt: key of the hash that places nodes.
        hidden: width of a stage's network.
        blocks: residual graph convolutions, of which a stage adapts one.
        rank: of that change.
        input_rank: of a stage's change of the input's map; None for a whole matrix, 0 for none.
        additive: add up the logits of all stages, instead of asking the last stage's head.
        dropout: share of inputs dropped in training.
        epochs: steps of a stage.
        learning_rate: step size of Adam.
        weight_decay: L2 penalty of Adam.
    """

    shards: int = 4
    slices: int = 4
    orders: int | None = None
    salt: str = "graphforget"
    hidden: int = StackedStages.hidden
    blocks: int = StackedStages.blocks
    rank: int = StackedStages.rank
    input_rank: int | None = StackedStages.input_rank
    additive: bool = StackedStages.additive
    dropout: float = StackedStages.dropout
    epochs: int = StackedStages.epochs
    learning_rate: float = StackedStages.learning_rate
    weight_decay: float = StackedStages.weight_decay

    def __post_init__(self) -> None:
        self._plan()
        self.recipe(NodeClassification(2))  # both refuse what cannot be carried out
        if not (self.learning_rate > 0 and self.weight_decay >= 0):
            raise UserError(
                "learner: wanted a positive learning rate and a weight decay from 0, got "
                f"{self.learning_rate!r} and {self.weight_decay!r}"
            )

    def plan(self, data: Data) -> Plan:
        return self._plan()

    def recipe(self, task: NodeClassification) -> Recipe:
        return StackedStages(
            task.num_classes,
            hidden=self.hidden,
            blocks=self.blocks,
            rank=self.rank,
            input_rank=self.input_rank,
            additive=self.additive,
            dropout=self.dropout,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )

    def _plan(self) -> Plan:
        orders = self.slices if self.orders is None else self.orders
        return Plan.chains(self.shards, self.slices, orders, self.salt)
