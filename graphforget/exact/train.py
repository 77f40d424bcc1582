"""Training a shard from its folder alone: the same function here, in a thread, or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from graphforget.core.errors import UserError
from graphforget.core.pool import Pool
from graphforget.exact.host_log import HostLog
from graphforget.exact.layout import open_system
from graphforget.exact.plan import Path as StagePath
from graphforget.exact.shard_state import adopted_line
from graphforget.exact.train_shard import train_shard

Stages = dict[StagePath, str]
"""Path of each stage -> address of its file."""


@dataclass(frozen=True)
class Job:
    """One shard to train.

    Args:
        folder: of the service.
        shard: its number.
        known: classes that the manifest may name although they are not ours.
    """

    folder: str
    shard: int
    known: tuple[type, ...] = ()


def train_at(job: Job) -> Stages:
    """Train the stages of a shard that are missing, from what its slice files hold now.

    Safe to repeat and to run twice at once: the same rows give the same files. A damaged file is
    destroyed first, so that its stage is missing.
    """
    system = open_system(job.folder, job.known)
    for address in system.files.addresses(job.shard):
        try:
            system.files.load(job.shard, address)
        except UserError:
            system.files.destroy(job.shard, address)
    return train_shard(
        system.plan, system.recipe, system.source, system.files, job.shard, system.manifest.seed
    )


def trained(
    pool: Pool, folder: str | Path, shards: Iterable[int], known: tuple[type, ...] = ()
) -> Iterator[tuple[int, Stages | Exception]]:
    """Train some shards wherever a pool has room; each with its stages, or what went wrong."""
    jobs = [Job(os.fspath(folder), shard, known) for shard in shards]
    for job, result in pool.map(train_at, jobs):
        yield job.shard, result


def train_all(pool: Pool, folder: str | Path, known: tuple[type, ...] = ()) -> int:
    """Train every shard of a new service and hand the stages to its hosts' logs.

    Killed in between and called again, it trains what is missing. No host may run.

    Returns:
        The number of stages.

    Raises:
        UserError: if a shard cannot be trained; the others are trained all the same.
    """
    system = open_system(folder, known)
    found: dict[int, Stages] = {}
    failed: dict[int, Exception] = {}
    for shard, result in trained(pool, folder, range(system.plan.shards), known):
        if isinstance(result, Exception):
            failed[shard] = result
        else:
            found[shard] = result
    for host, shards in enumerate(system.groups):
        log = HostLog(system.layout.host_log(host))
        log.take_over()
        for shard in shards:
            if shard in found:
                log.append(adopted_line(shard, found[shard], [], 0))
    if failed:
        shard, error = min(failed.items())
        raise UserError(
            f"shard {shard}: could not be trained ({type(error).__name__}: {error})"
        ) from error
    return sum(map(len, found.values()))
