"""A model in shards: all stages that are alive, and the mean answer of those that serve."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from graphforget.exact.memory import NOWHERE, TablePlacement
from graphforget.exact.plan import Hit, Path, Plan, deepest
from graphforget.exact.recipe import Recipe, State

STAGES = "stages."


class ShardedModel(nn.Module):
    """Stages of every shard, answering by the mean probability of the shards that are not dark.

    A stage that is dead is not in it, nor in its `state_dict`; one that was trained again is.

    Args:
        plan: the stages that there can be.
        recipe: how stages answer.
        shard: shard of every node, shape ``(N,)``, -1 for one that is not there.
        slice: slice of every node, shape ``(N,)``.
        several: average all of a shard's deepest live stages, not the first alone.
    """

    shard: Tensor
    """Shape ``(N,)``: shard of every node; -1 where it is not there."""
    slice: Tensor
    """Shape ``(N,)``: slice of every node."""

    def __init__(
        self, plan: Plan, recipe: Recipe, shard: Tensor, slice: Tensor, several: bool = False
    ) -> None:
        super().__init__()
        self.plan, self.recipe, self.several = plan, recipe, several
        self.register_buffer("shard", shard)
        self.register_buffer("slice", slice)
        self.stages = nn.ModuleDict()

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Logarithms of the mean probabilities, shape ``(N, C)``."""
        rows = Data(x=x, edge_index=edge_index)
        answers = [
            self._respond(rows, shard, path)
            for shard in range(self.plan.shards)
            for path in self.served(shard)
        ]
        mean = torch.stack(answers).mean(0) if answers else self.recipe.constant(rows)
        return mean.clamp_min(torch.finfo(mean.dtype).tiny).log()

    def alive(self, shard: int) -> tuple[Path, ...]:
        """The stages of a shard that there are, in the plan's order."""
        return tuple(path for path in self.plan.stages if _name(shard, path) in self.stages)

    def served(self, shard: int) -> tuple[Path, ...]:
        """The stages that answer for a shard; none if it is dark."""
        return deepest(self.alive(shard), self.several)

    def missing(self, shard: int) -> tuple[Path, ...]:
        """The stages that a repair would train, in the plan's order."""
        return tuple(path for path in self.plan.stages if _name(shard, path) not in self.stages)

    def state(self, shard: int, path: Path) -> State:
        """The weights of one stage, as its recipe gave them."""
        return self._weights(shard, path).state

    def put(self, shard: int, path: Path, state: State) -> None:
        """Add a stage that was trained; its weights are copied."""
        self.stages[_name(shard, path)] = StageWeights(state)

    def without(
        self, hits: Mapping[int, Collection[Hit]], nodes: Iterable[int] = ()
    ) -> ShardedModel:
        """The same shards, with weights of their own, less the stages that die.

        Args:
            hits: for each shard, the slices of each deletion.
            nodes: ids that are not there any more.
        """
        result = ShardedModel(
            self.plan, self.recipe, self.shard.clone(), self.slice.clone(), self.several
        )
        gone = torch.tensor(list(nodes), dtype=torch.int64, device=self.shard.device)
        result.shard[gone] = NOWHERE
        for shard in range(self.plan.shards):
            unhit = set(self.plan.alive(hits.get(shard, ())))
            for path in self.alive(shard):
                if path in unhit:
                    result.put(shard, path, self.state(shard, path))
        return result.eval()

    @property
    def placement(self) -> TablePlacement:
        """Where the nodes are that are there."""
        return TablePlacement(
            self.plan.shards, self.plan.slices, self.plan.placement.salt,
            shard_of=self.shard.cpu().numpy(), slice_of=self.slice.cpu().numpy(),
        )

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Read weights; the stages that they hold are those that are alive from now on."""
        states: dict[str, State] = {}
        for key, value in state_dict.items():
            if key.startswith(STAGES):
                stage, _, name = key.removeprefix(STAGES).partition(".")
                states.setdefault(stage, {})[name] = value
        known = {
            _name(shard, path) for shard in range(self.plan.shards) for path in self.plan.stages
        }
        if unknown := sorted(states.keys() - known):
            raise RuntimeError(f"the plan has no stage {unknown[0]!r}")
        self.stages = nn.ModuleDict(
            {stage: StageWeights(_spelled(state)) for stage, state in states.items()}
        )
        return super().load_state_dict(state_dict, strict, assign)

    def _respond(self, rows: Data, shard: int, path: Path) -> Tensor:
        states = [self._weights(shard, one).parts for one in self.plan.lineage(path)]
        return self.recipe.respond(rows, states)

    def _weights(self, shard: int, path: Path) -> StageWeights:
        return self.stages[_name(shard, path)]  # type: ignore[return-value]


class StageWeights(nn.Module):
    """The weights of one stage, under names without dots.

    Args:
        state: name -> tensor; may be empty, where there was nothing to learn from.
    """

    trained: Tensor
    """Always true: it keeps a stage of no weights in the state dict."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.register_buffer("trained", torch.tensor(True))
        for name, value in state.items():
            own, key = value.detach().clone(), name.replace(".", "/")
            if own.is_floating_point():
                self.register_parameter(key, nn.Parameter(own))
            else:
                self.register_buffer(key, own)

    @property
    def parts(self) -> State:
        """Name -> parameter or buffer of this module."""
        return _spelled({**dict(self.named_parameters()), **dict(self.named_buffers())})

    @property
    def state(self) -> State:
        """Name -> tensor, shared with this module and without gradients."""
        return {name: value.detach() for name, value in self.parts.items()}


def _name(shard: int, path: Path) -> str:
    return f"{shard}:{'-'.join(map(str, path))}"


def _spelled(state: State) -> State:
    return {key.replace("/", "."): value for key, value in state.items() if key != "trained"}
