"""The trials of exactness on a graph: removal, repair, poison and the access log."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.check import (
    Key,
    Removal,
    Stages,
    forbidden_reads,
    judge_removal,
    train_all,
    unequal,
)
from graphforget.exact.graph_cut import present
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import Recipe
from graphforget.exact.stage_files import StageFiles
from graphforget.exact.train_shard import train_shard
from graphforget.request import ForgetRequest

Write = Callable[..., GraphSource]
"""Called as ``write(folder, data, plan, there=mask)``."""


@dataclass(frozen=True, eq=False)
class GraphTrial:
    """A graph, a plan and a recipe on trial.

    Args:
        data: the graph; small, as every trial trains all stages several times.
        plan: the stages.
        recipe: how they are trained.
        seed: root seed.
        write: how the slice files are made.
    """

    data: Data
    plan: Plan
    recipe: Recipe
    seed: int = 0
    write: Write = GraphSource.write

    def removal(self, request: ForgetRequest) -> Removal:
        """Train without what a request names, and compare with the stages trained with it."""
        full, hits = self._full, self._hits(request)
        with self._source(self._without(request), self._there(request)) as source:
            reduced = train_all(self.plan, self.recipe, source, self.seed)
        return judge_removal(self.plan, hits, full, reduced)

    def repair(self, request: ForgetRequest) -> tuple[Key, ...]:
        """Stages that differ between a repaired system and one trained without the request."""
        with tempfile.TemporaryDirectory() as folder:
            stages = StageFiles(Path(folder) / "stages")
            source = self.write(Path(folder) / "source", self.data, self.plan)
            self._through_files(source, stages)
            source.forget(request)
            repaired = self._through_files(source, stages)
        with tempfile.TemporaryDirectory() as folder:
            source = self.write(
                Path(folder) / "source", self._without(request), self.plan,
                there=self._there(request),
            )
            scratch = self._through_files(source, StageFiles(Path(folder) / "stages"))
        return unequal(repaired, scratch)

    def poison(self) -> tuple[Key, ...]:
        """Stages that change, or cannot be trained, when rows that they may not see are spoilt.

        Features become NaN and labels others; all that is left as it was are the rows, their
        number and their edges.
        """
        spoilt: set[Key] = set()
        shard, slice = (torch.full((int(self.data.num_nodes or 0),), -1) for _ in range(2))
        there = present(self.data)
        shard[there], slice[there] = map(
            torch.from_numpy, self.plan.placement.of(there.nonzero().view(-1).numpy())
        )
        for path in self.plan.stages:
            forbidden = there & ~torch.isin(slice, torch.tensor(path))
            spoilt |= self._spoilt_by(forbidden, {(a, path) for a in range(self.plan.shards)})
        for one in range(self.plan.shards):
            own = {(one, path) for path in self.plan.stages}
            spoilt |= self._spoilt_by(there & (shard != one), own)
        return tuple(sorted(spoilt))

    def forbidden_reads(self) -> tuple:
        """What stages read that they may not see, see `graphforget.exact.check`."""
        with self._source(self.data, None) as source:
            return forbidden_reads(self.plan, self.recipe, source, self.seed)

    @cached_property
    def _full(self) -> Stages:
        with self._source(self.data, None) as source:
            return train_all(self.plan, self.recipe, source, self.seed)

    def _hits(self, request: ForgetRequest) -> dict[int, frozenset[frozenset[int]]]:
        with self._source(self.data, None) as source:
            return source.hits(request)

    def _without(self, request: ForgetRequest) -> Data:
        return request.retained(self.data)

    def _there(self, request: ForgetRequest) -> Tensor:
        there = present(self.data)
        if request.kind in ("node", "class"):
            there[request.nodes(self.data)] = False
        return there

    def _spoilt_by(self, forbidden: Tensor, keys: set[Key]) -> set[Key]:
        """Which of some stages are others once the forbidden rows, mask ``(N,)``, are spoilt."""
        data = self.data.clone()
        data.x[forbidden] = torch.nan
        classes = int(data.y.max()) + 1
        data.y[forbidden] = torch.where(
            data.y[forbidden] < 0, data.y[forbidden], (data.y[forbidden] + 1) % classes
        )
        with self._source(data, None) as source:
            try:
                found = train_all(self.plan, self.recipe, source, self.seed, only=keys)
            except UserError:  # it saw the NaN and refused it
                return keys
        return keys & set(unequal(found, {key: self._full[key] for key in found}))

    @contextmanager
    def _source(self, data: Data, there: Tensor | None) -> Iterator[GraphSource]:
        with tempfile.TemporaryDirectory() as folder:
            yield self.write(Path(folder) / "source", data, self.plan, there=there)

    def _through_files(self, source: GraphSource, stages: StageFiles) -> Stages:
        found: Stages = {}
        for shard in range(self.plan.shards):
            addresses = train_shard(
                self.plan, self.recipe, source, stages, shard, self.seed
            )
            found |= {(shard, path): stages.load(shard, one) for path, one in addresses.items()}
        return found


def telling_requests(data: Data, plan: Plan) -> list[ForgetRequest]:
    """Requests that between them reach every slice, hubs, slice borders and every kind.

    Of each slice the training node with the most edges, and of each shard an edge within a slice
    and one between two; an edge between shards; features; and nodes of several shards at once.
    """
    ids = present(data).nonzero().view(-1)
    shard, slice = map(torch.from_numpy, plan.placement.of(ids.numpy()))
    place = torch.full((int(data.num_nodes or 0), 2), -1)
    place[ids] = torch.stack([shard, slice], 1)
    degree = torch.bincount(data.edge_index.view(-1), minlength=len(place))
    rank = degree + data.train_mask * (int(degree.max()) + 1)
    hubs = []
    for a in range(plan.shards):
        for s in range(plan.slices):
            members = ((place[:, 0] == a) & (place[:, 1] == s)).nonzero().view(-1)
            if members.numel():
                hubs.append(int(members[rank[members].argmax()]))
    source, target = place[data.edge_index]
    inside = source[:, 0] == target[:, 0]
    within = inside & (source[:, 1] == target[:, 1])
    picks = [within & (source[:, 0] == a) for a in range(plan.shards)]
    picks += [inside & ~within & (source[:, 0] == a) for a in range(plan.shards)]
    picks += [~inside]
    edges = [data.edge_index[:, pick][:, :1] for pick in picks if bool(pick.any())]
    return [
        *(ForgetRequest("node", (hub,)) for hub in hubs),
        *(ForgetRequest("edge", tuple(map(tuple, edge.T.tolist()))) for edge in edges),
        ForgetRequest("feature", (hubs[0],)),
        ForgetRequest("node", tuple(hubs[:: max(1, len(hubs) // 2)])),
    ]
