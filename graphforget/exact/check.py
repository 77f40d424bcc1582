"""Is it exact? Trials that a plan, a recipe and a source have to pass, bit for bit.

They are for whoever writes a recipe or a source as much as for ours. No single trial sees every
leak (s3t.md 3.3): removal misses a choice by private data that happens to fall out the same,
poison misses a number that depends on which rows there are and not on what they hold. So run all
of them, over many items.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch

from graphforget.exact.environment import repeatable
from graphforget.exact.plan import Path, Plan
from graphforget.exact.recipe import Recipe, State
from graphforget.exact.source import Hits, Source
from graphforget.exact.train_shard import train_stage

Key = tuple[int, Path]
"""A shard and the path of one of its stages."""

Stages = dict[Key, State]
"""The weights of every stage of a system."""


@dataclass(frozen=True)
class Removal:
    """What the removal of an item did to the stages of a system trained without it.

    Args:
        leaked: stages that are declared untouched and are other ones nevertheless.
        changed: stages that are declared dead and are indeed other ones.
        unchanged: stages that are declared dead and are the same; no fault.
    """

    leaked: tuple[Key, ...]
    changed: tuple[Key, ...]
    unchanged: tuple[Key, ...]

    @property
    def told(self) -> bool:
        """Whether the item mattered at all; a trial in which it did not proves nothing."""
        return bool(self.leaked or self.changed)


def train_all(
    plan: Plan, recipe: Recipe, source: Source, seed: int, only: Collection[Key] | None = None
) -> Stages:
    """Train the stages of all shards in memory, each on the very tensors of those before it.

    Args:
        plan: the stages.
        recipe: how they are trained.
        source: where the rows are.
        seed: root seed.
        only: stages that are wanted; by default all. Those they stand on are trained as well.
    """
    wanted = {
        (shard, stage)
        for shard in range(plan.shards)
        for path in plan.stages
        if only is None or (shard, path) in only
        for stage in plan.lineage(path)
    }
    found: Stages = {}
    with repeatable(), torch.random.fork_rng():
        # A recipe that draws from the process shall be found out by what was trained before it,
        # not by chance.
        torch.manual_seed(seed)
        for shard in range(plan.shards):
            for path in plan.stages:
                if (shard, path) in wanted:
                    before = [found[shard, earlier] for earlier in plan.lineage(path)[:-1]]
                    found[shard, path] = train_stage(recipe, source, shard, path, before, seed)
    return found


def same_bits(first: State, second: State) -> bool:
    """Whether two stages are the same, bit for bit; one NaN is like another.

    >>> same_bits({"w": torch.tensor([0.0])}, {"w": torch.tensor([-0.0])})
    False
    """
    return first.keys() == second.keys() and all(
        first[name].shape == second[name].shape
        and first[name].dtype == second[name].dtype
        and torch.equal(_bits(first[name]), _bits(second[name]))
        for name in first
    )


def unequal(first: Stages, second: Stages) -> tuple[Key, ...]:
    """The stages that are in one only or are not the same in both."""
    return tuple(
        key
        for key in sorted(first.keys() | second.keys())
        if key not in first or key not in second or not same_bits(first[key], second[key])
    )


def judge_removal(
    plan: Plan, hits: Mapping[int, Hits], full: Stages, reduced: Stages
) -> Removal:
    """Removal: who trains on data without an item gets the stages that survive its deletion.

    Args:
        plan: the stages.
        hits: of the item, as `Source.hits` declares them.
        full: trained with the item.
        reduced: trained from scratch without it.
    """
    alive = {
        (shard, path)
        for shard in range(plan.shards)
        for path in plan.alive(hits.get(shard, frozenset()))
    }
    other = set(unequal(full, reduced))
    return Removal(
        leaked=tuple(sorted(other & alive)),
        changed=tuple(sorted(other - alive)),
        unchanged=tuple(sorted(full.keys() - alive - other)),
    )


def forbidden_reads(
    plan: Plan, recipe: Recipe, source: Source, seed: int
) -> tuple[tuple[Key, tuple[int, frozenset[int]]], ...]:
    """Access log: what the training of each stage read that it may not see; empty if all is well.

    Raises:
        AssertionError: if the source keeps no log.
    """
    found = []
    trained: Stages = {}
    for shard in range(plan.shards):
        for path in plan.stages:
            before = [trained[shard, earlier] for earlier in plan.lineage(path)[:-1]]
            source.reads.clear()
            trained[shard, path] = train_stage(recipe, source, shard, path, before, seed)
            assert source.reads, f"shard {shard}, stage {path}: the source logged no read"
            found += [
                ((shard, path), (of, slices))
                for of, slices in source.reads
                if of != shard or not slices <= set(path)
            ]
    return tuple(found)


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.is_floating_point():
        tensor = torch.where(tensor.isnan(), torch.full_like(tensor, torch.nan), tensor)
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
