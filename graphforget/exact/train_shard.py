"""Train the stages of a shard that are missing: all of them at first, the dead ones in a repair.

Training from scratch and repair are one function. Each stage is a function of its address alone,
so what a repaired shard serves is, bit for bit, what it would serve had the deleted rows never
been there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

from graphforget.exact.environment import repeatable
from graphforget.exact.plan import Path as StagePath
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import Recipe, State
from graphforget.exact.source import Source
from graphforget.exact.stage_files import StageFiles, stage_address


def stage_seed(root: int, shard: int, path: StagePath) -> int:
    """Seed of one stage, below 2^63: a hash of its name, whatever else is trained or was.

    >>> stage_seed(0, 1, (2, 0)) == stage_seed(0, 1, (2, 0))
    True
    >>> len({stage_seed(0, shard, path) for shard in (0, 1) for path in ((0, 1), (1, 0), (0,))})
    6
    """
    name = json.dumps([root, shard, list(path)]).encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little") >> 1


def train_stage(
    recipe: Recipe, source: Source, shard: int, path: StagePath, before: Sequence[State], seed: int
) -> State:
    """One stage from the rows that it may see.

    Args:
        recipe: how.
        source: where the rows are.
        shard: whose stage it is.
        path: the slices that it sees, in order.
        before: the weights of the stages that it stands on, first one first.
        seed: root seed of the system.
    """
    rows = source.rows(shard, path)
    with repeatable():
        return recipe.train(rows, before, stage_seed(seed, shard, path))


def stage_addresses(
    plan: Plan, recipe: Recipe, source: Source, files: StageFiles, shard: int, seed: int
) -> dict[StagePath, str]:
    """Where every stage of a shard is, or would be, given the rows as they are now."""
    found: dict[StagePath, str] = {}
    for path in plan.stages:
        before = [found[earlier] for earlier in plan.lineage(path)[:-1]]
        rows = source.digest(shard, path)
        found[path] = stage_address(recipe, seed, shard, path, rows, before, files.environment)
    return found


def train_shard(
    plan: Plan,
    recipe: Recipe,
    source: Source,
    files: StageFiles,
    shard: int,
    seed: int,
    told: Callable[[StagePath], None] = lambda path: None,
) -> dict[StagePath, str]:
    """Train the stages of a shard that have no file yet, those others stand on first.

    Killed and called again, it goes on where it was. Rows must not leave the source while it
    runs: forget first, then repair.

    Args:
        plan: the stages.
        recipe: how they are trained.
        source: where the rows are.
        files: where the stages go.
        shard: which shard.
        seed: root seed of the system.
        told: called with every stage that was trained, after its file was written.

    Returns:
        The address of every stage of the shard.

    Raises:
        UserError: if a file of a stage that others stand on is damaged.
    """
    addresses = stage_addresses(plan, recipe, source, files, shard, seed)
    for path, address in addresses.items():
        if not files.has(shard, address):
            lineage = plan.lineage(path)[:-1]
            before = [files.load(shard, addresses[earlier]) for earlier in lineage]
            state = train_stage(recipe, source, shard, path, before, seed)
            files.save(shard, path, address, state)
            told(path)
    return addresses
