"""Recommenders in shards: a deletion trains those again that were taught what goes.

Learners and unlearners at once, as in `graphforget.exact`: SISA by a hash is exact; RecEraser and
UltraRE, whose shards are clusters of what all pairs taught, are the published baselines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.history import inexact_before
from graphforget.exact.train_shard import stage_seed
from graphforget.protocols import Learner, Objective, Unlearner
from graphforget.removal import keep_edges, pair_codes
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained
from graphforget.unlearn.reasons import nothing_left
from recsys.learn.bpr import BPRMF
from recsys.learn.pairwise import PairwiseLearner, ranking
from recsys.unlearn.aggregate import Aggregation, Aggregator, Attention, TaughtScore
from recsys.unlearn.partition import (
    HashedUsers,
    Partition,
    SimilarUsers,
    TransportedUsers,
    Vectors,
)

SHARD = BPRMF(epochs=40, learning_rate=0.01, penalty=0.05, batch_size=512, snapshots=())
"""For a tenth of MovieLens-100K, chosen on its validation pairs: with the settings for the whole
log, so few pairs make too few steps."""


class ShardModels(nn.Module):
    """The models of all shards, which pairs each was taught, and what puts them together.

    Args:
        models: one a shard.
        aggregation: makes one row a node of the shards' rows.
        codes: codes of the training pairs, ascending, shape ``(E,)``.
        shard: the shard of each, shape ``(E,)``.
    """

    codes: Tensor
    """Codes of the training pairs, as `pair_codes` gives them; as private as the pairs."""
    shard: Tensor
    """The shard of each pair."""

    def __init__(
        self, models: Iterable[nn.Module], aggregation: Aggregation, codes: Tensor, shard: Tensor
    ) -> None:
        super().__init__()
        self.models, self.aggregation = nn.ModuleList(models), aggregation
        self.register_buffer("codes", codes)
        self.register_buffer("shard", shard)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Rows of users and items, shape ``(N, C')``."""
        return self.aggregation(*self.shard_rows(x, edge_index))

    def shard_rows(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of every shard ``(S, N, C)``, and who was taught there, bool ``(S, N)``.

        Pairs that no shard was taught, such as those of a user who is put back to be asked about,
        are looked at by none.
        """
        place = self.shards_of(edge_index, x.size(0))
        rows, taught = [], torch.zeros(len(self.models), x.size(0), dtype=torch.bool)
        for shard, model in enumerate(self.models):
            own = edge_index[:, place == shard]
            rows.append(model(x, own))
            taught[shard, own.flatten()] = True
        return torch.stack(rows), taught.to(x.device)

    def shards_of(self, pairs: Tensor, num_nodes: int) -> Tensor:
        """The shard that was taught each pair of nodes, -1 for none, shape ``(K,)``."""
        codes = pair_codes(pairs, num_nodes)
        if not len(self.codes):
            return torch.full_like(codes, -1)
        at = torch.searchsorted(self.codes, codes).clamp(max=len(self.codes) - 1)
        return torch.where(self.codes[at] == codes, self.shard[at], -1)


@dataclass(frozen=True)
class Sharded(Learner, Unlearner):
    """Train a model a shard; forget by training those again that were taught what goes.

    Args:
        learner: how a shard is trained, and what gives the embeddings that clusters are made of.
        partition: which pairs share a shard.
        aggregator: how shards are put together; where it is trained, every request trains it
            again, and that is part of what forgetting costs.
    """

    learner: PairwiseLearner = SHARD
    partition: Partition = HashedUsers()
    aggregator: Aggregator = TaughtScore()

    def __post_init__(self) -> None:
        if self.exact and not self.partition.data_independent:
            raise UserError(
                f"{type(self).__name__}: partition: {type(self.partition).__name__} makes shards "
                "of what all pairs taught, so training a shard again would not be exact; use a "
                "Hashed partition, or RecEraser with Retrain, which makes the shards anew"
            )

    @property
    def epochs(self) -> int:  # type: ignore[override]
        """Passes over the pairs of each shard."""
        return self.learner.epochs

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        """The shards untrained, with every pair in its place."""
        ranking(self, task).check(data)
        return self._parts(data, task, seed, self._assigned(data, task, seed))

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        model = self.build(data, task, seed)
        assert isinstance(model, ShardModels)
        self.train_shards(model, data, task, range(self.partition.shards), seed)
        self.train_aggregator(model, data, task, seed)
        return Trained(model=model, data=data, task=task, learner=self, seed=seed)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        raise UserError(_one_by_one(self))

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        raise UserError(_one_by_one(self))

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        name = type(self).__name__
        if type(trained.learner) is not type(self) or not isinstance(trained.model, ShardModels):
            return f"the model was not trained in these shards; train it with {name} as learner"
        return (inexact_before(trained) if self.exact else None) or nothing_left(trained, request)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        """Train hit shards and the aggregator again, from the training's seed.

        By that seed, where the partition is a hash, the result is bit for bit what `fit` makes of
        the retained pairs.
        """
        own, retained = trained.learner, request.retained(trained.data)
        assert isinstance(own, Sharded)
        model = own.without_hit(trained, request)
        own.train_shards(
            model, retained, trained.task, hit_shards(trained, request), trained.seed
        )
        own.train_aggregator(model, retained, trained.task, trained.seed)
        return trained.after(model.eval(), request, own, seed, data=retained)

    def without_hit(self, trained: Trained, request: ForgetRequest) -> ShardModels:
        """The shards that saw nothing of what goes, the others and the aggregator untrained."""
        old, task, retained = trained.model, trained.task, request.retained(trained.data)
        assert isinstance(old, ShardModels)
        hit, pairs = hit_shards(trained, request), self._sorted(retained, task)
        assigned = old.shards_of(pairs, int(retained.num_nodes or 0))
        model = self._parts(retained, task, trained.seed, (pairs, assigned))
        for shard, (blank, known) in enumerate(zip(model.models, old.models, strict=True)):
            if shard not in hit:
                blank.load_state_dict(known.state_dict())
        return model

    def train_shards(
        self, model: ShardModels, data: Data, task: Task, shards: Iterable[int], seed: int
    ) -> None:
        """Train some shards on their own pairs, in place; one without pairs stays as it is."""
        place = model.shards_of(data.edge_index, int(data.num_nodes or 0))
        for shard in shards:
            own = keep_edges(data, place == shard)
            if own.edge_index.size(1):
                fitted = self.learner.fit(own, task, stage_seed(seed, shard, ()))
                model.models[shard] = fitted.model
        model.eval()

    def train_aggregator(self, model: ShardModels, data: Data, task: Task, seed: int) -> None:
        """Train what puts the shards together, in place and from the beginning."""
        with torch.no_grad():
            rows, taught = model.shard_rows(data.x, data.edge_index)
        pairs = task.train_items(data)
        self.aggregator.train(model.aggregation, rows, taught, pairs, stage_seed(seed, -1, ()))
        model.eval()

    def _assigned(self, data: Any, task: Task, seed: int) -> tuple[Tensor, Tensor]:
        """The training pairs in the order of their codes, and the shard of each."""
        pairs = self._sorted(data, task)

        def vectors() -> Vectors:
            known: Any = self.learner.fit(data, task, stage_seed(seed, -2, ())).model
            rows = known.rows.detach()
            return Vectors(rows[: data.num_users], rows[data.num_users :])

        shard = self.partition.assign(
            data.from_nodes(pairs), vectors, stage_seed(seed, -3, ())
        )
        return pairs, shard.to(pairs.device)

    def _sorted(self, data: Data, task: Task) -> Tensor:
        pairs = task.train_items(data)
        return pairs[:, pair_codes(pairs, int(data.num_nodes or 0)).argsort()]

    def _parts(
        self, data: Any, task: Task, seed: int, assigned: tuple[Tensor, Tensor]
    ) -> ShardModels:
        """Untrained models and aggregation over pairs that have their shards."""
        pairs, shard = assigned
        models = [self.learner.build(data, task, stage_seed(seed, each, ()))
                  for each in range(self.partition.shards)]
        with torch.no_grad():
            width = models[0](data.x, data.edge_index[:, :0]).size(1)
        aggregation = self.aggregator.build(
            len(models), width, data.num_users, stage_seed(seed, -1, ())
        ).to(data.x.device)
        return ShardModels(models, aggregation, pair_codes(pairs, int(data.num_nodes)), shard)


@dataclass(frozen=True)
class SISA(Sharded):
    """Shards by a keyed hash of users or of pairs (Bourtoule et al., S&P 2021); exact.

    Without slices: `graphforget.exact.S3T` has better ones.
    """

    exact: ClassVar[bool] = True


@dataclass(frozen=True)
class RecEraser(Sharded):
    """Shards of similar users, items or interactions, and attention (Chen et al., WWW 2022).

    Its deletion is exact given the shards only: those were made with the forgotten pairs too.
    Forgetting with `graphforget.unlearn.Retrain` makes them anew and is exact.
    """

    partition: Partition = SimilarUsers()
    aggregator: Aggregator = Attention()


@dataclass(frozen=True)
class UltraRE(Sharded):
    """Shards of users by balanced optimal transport, and a plain combiner (NeurIPS 2023).

    Exact given the shards only, as `RecEraser`.
    """

    partition: Partition = TransportedUsers()
    aggregator: Aggregator = TaughtScore()


def hit_shards(trained: Trained, request: ForgetRequest) -> list[int]:
    """The shards that were taught a pair that goes, ascending."""
    model = trained.model
    assert isinstance(model, ShardModels)
    gone = trained.task.forgotten_items(request, trained.data)
    found = model.shards_of(gone, int(trained.data.num_nodes or 0)).unique().tolist()
    return [int(shard) for shard in found if shard >= 0]


def _one_by_one(learner: Sharded) -> str:
    name = type(learner).__name__
    return (
        f"{name}: its shards are trained one by one, so there is no one training to go on with; "
        f"forget with {name}, or Retrain"
    )
