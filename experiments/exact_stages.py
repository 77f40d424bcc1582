"""Stages of exact forgetting trained in memory, for trials that need no service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.exact.environment import environment
from graphforget.exact.plan import Path as StagePath
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import Recipe, State
from graphforget.exact.source import Source
from graphforget.exact.stage_files import stage_address
from graphforget.exact.train_shard import train_stage


@dataclass(eq=False)
class Trainer:
    """Trains stages when they are asked for, and keeps them in memory under their addresses.

    Args:
        plan: the stages.
        recipe: how they are trained.
        source: where the rows are.
        seed: root seed.
        memory: stages by address; it may be shared by plans.
    """

    plan: Plan
    recipe: Recipe
    source: Source
    seed: int
    memory: dict[str, State]
    trained: int = 0
    _addresses: dict[tuple[int, StagePath], str] = field(default_factory=dict)

    def at(self, source: Source) -> Trainer:
        """The same with other rows."""
        return Trainer(self.plan, self.recipe, source, self.seed, self.memory)

    def stage(self, shard: int, path: StagePath) -> State:
        """The weights of one stage."""
        address = self._address(shard, path)
        if address not in self.memory:
            before = [self.stage(shard, earlier) for earlier in self.plan.lineage(path)[:-1]]
            self.memory[address] = train_stage(
                self.recipe, self.source, shard, path, before, self.seed
            )
            self.trained += 1
        return self.memory[address]

    def answer(self, rows: Data, served: Mapping[int, Sequence[StagePath]]) -> Tensor:
        """Mean of the shards that are not dark, each the mean of its paths, shape ``(N, C)``."""
        said = []
        with torch.no_grad():
            for shard, paths in served.items():
                lineages = [
                    [self.stage(shard, one) for one in self.plan.lineage(path)] for path in paths
                ]
                if lineages:
                    responses = [self.recipe.respond(rows, lineage) for lineage in lineages]
                    said.append(torch.stack(responses).mean(0))
        return torch.stack(said).mean(0) if said else self.recipe.constant(rows)

    def bytes(self) -> int:
        """Size of the weights of all stages of the plan."""
        return sum(
            tensor.numel() * tensor.element_size()
            for shard, path in product(range(self.plan.shards), self.plan.stages)
            for tensor in self.stage(shard, path).values()
        )

    def _address(self, shard: int, path: StagePath) -> str:
        if (shard, path) not in self._addresses:
            before = [self._address(shard, earlier) for earlier in self.plan.lineage(path)[:-1]]
            self._addresses[shard, path] = stage_address(
                self.recipe, self.seed, shard, path, self.source.digest(shard, path), before,
                environment(),
            )
        return self._addresses[shard, path]
