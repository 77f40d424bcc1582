"""Small services to try things on: 60 nodes, two shards, stages that are trained in no time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.pool import LocalPool
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.hosts import LocalHosts
from graphforget.exact.layout import create_system, open_system
from graphforget.exact.manifest import Manifest
from graphforget.exact.plan import Plan
from graphforget.exact.repair import Repairer
from graphforget.exact.service import Service
from graphforget.exact.train import train_all
from graphforget.exact.train_shard import stage_addresses
from graphforget.request import ForgetRequest
from tests.conftest import planted_partition

KEY = b"0123456789abcdef0123456789abcdef"
PLAN = Plan.chains(shards=2, slices=3, orders=2, salt="test")
RECIPE = StackedStages(num_classes=3, hidden=8, blocks=1, rank=4, epochs=2)


def graph(size: int = 20) -> Data:
    """Three communities; the first half of each is for training, the rest for testing."""
    data = planted_partition(size=size)
    place = torch.arange(3 * size) % size
    data.train_mask, data.test_mask = place < size // 2, place >= size // 2
    data.val_mask = torch.zeros_like(data.train_mask)
    return data


class Poisoned(GraphSource):
    """A source at one of whose deletions the process of its host dies."""

    def without(self, rows: Data, request: ForgetRequest) -> Data:
        if request.index == (3,):
            os._exit(1)
        return super().without(rows, request)


def made(
    folder: Path, data: Data, hosts: int = 2, plan: Plan = PLAN,
    source: type[GraphSource] = GraphSource,
) -> Path:
    """A trained service on a graph."""
    name = f"{source.__module__}.{source.__qualname__}"
    manifest = Manifest(plan, RECIPE, hosts=hosts, source=name)
    create_system(folder, manifest, lambda place: source.write(place, data, plan))
    train_all(LocalPool(), folder, (source,))
    return folder


def copied(folder: Path, place: Path) -> Path:
    """A service of its own for one test."""
    shutil.copytree(folder, place)
    return place


@contextmanager
def serving(folder: Path, key: bytes = KEY) -> Iterator[tuple[Service, Repairer]]:
    """A service in this process, and what repairs it."""
    with Service(folder, LocalHosts(folder), key) as service:
        yield service, Repairer(service)


def weights(folder: Path) -> dict[tuple[int, str], dict[str, Tensor]]:
    """All stages that lie in a service's folder, by shard and address."""
    system = open_system(folder)
    return {
        (shard, address): system.files.load(shard, address)
        for shard in range(system.plan.shards)
        for address in system.files.addresses(shard)
    }


def equal_weights(one: Path, other: Path) -> bool:
    """Whether two services hold the same stages, bit for bit."""
    left, right = weights(one), weights(other)
    return left.keys() == right.keys() and all(
        left[key].keys() == right[key].keys()
        and all(torch.equal(left[key][name], right[key][name]) for name in left[key])
        for key in left
    )


def wanted(folder: Path) -> set[tuple[int, str]]:
    """The stages that a repaired service has, no more and no fewer, for the rows it holds."""
    system = open_system(folder)
    return {
        (shard, address)
        for shard in range(system.plan.shards)
        for address in stage_addresses(
            system.plan, system.recipe, system.source, system.files, shard, system.manifest.seed
        ).values()
    }
