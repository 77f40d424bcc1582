"""Shards of whole models: on chosen subsets of slices, and on their beginnings (SISA)."""

from __future__ import annotations

from dataclasses import dataclass

from torch_geometric.data import Data

from graphforget.exact.graph_recipe import WholeModel
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import Recipe
from graphforget.exact.sharded import Sharded
from graphforget.exact.subsets import chosen_subsets
from graphforget.learn.cross_entropy import CrossEntropy
from graphforget.protocols import Learner
from graphforget.task import NodeClassification


@dataclass(frozen=True)
class WholeModels(Sharded):
    """Shards of models that any learner trains, each on the slices of its own.

    Args:
        learner: how a model is trained; it may choose by nothing but the rows it is given.
    """

    learner: Learner = CrossEntropy(snapshots=())

    @property
    def epochs(self) -> int:  # type: ignore[override]
        """Passes over the training items of each model."""
        return self.learner.epochs

    def recipe(self, task: NodeClassification) -> Recipe:
        return WholeModel(task.num_classes, learner=self.learner)


@dataclass(frozen=True)
class SliceSubsets(WholeModels):
    """Train whole models on many subsets of the slices and answer from the largest unhurt one.

    At equal cost they keep more data than chains from the second deletion on, and before the
    first one they are as good as shards without slices; they take more storage (s3t.md 9).

    Args:
        shards: m, disjoint parts of the nodes.
        slices: L, disjoint parts of a shard.
        cost: what all models of a shard may cost together, where one of all slices costs 1.
        salt: key of the hash that places nodes.
    """

    shards: int = 4
    slices: int = 4
    cost: float = 8.0
    salt: str = "graphforget"

    def __post_init__(self) -> None:
        self._plan()  # refuses what it cannot carry out

    def plan(self, data: Data) -> Plan:
        return self._plan()

    def _plan(self) -> Plan:
        subsets = chosen_subsets(self.slices, self.cost)
        return Plan.subsets(self.shards, self.slices, subsets, self.salt)


@dataclass(frozen=True)
class SISA(WholeModels):
    """Keep a model of every beginning of a shard's slices (SISA, Bourtoule et al., S&P 2021).

    The case of one order: a deletion rolls the shard back to the last model that has not seen what
    goes, and those after it are trained again.
    Each is trained from the start rather than from the one before, on the same rows.

    Args:
        shards: m, disjoint parts of the nodes.
        slices: L, disjoint parts of a shard; 1 for shards alone.
        salt: key of the hash that places nodes.
    """

    repair: bool = True
    shards: int = 4
    slices: int = 4
    salt: str = "graphforget"

    def __post_init__(self) -> None:
        self._plan()  # refuses what it cannot carry out

    def plan(self, data: Data) -> Plan:
        return self._plan()

    def _plan(self) -> Plan:
        beginnings = [range(end) for end in range(1, self.slices + 1)]
        return Plan.subsets(self.shards, self.slices, beginnings, self.salt)
