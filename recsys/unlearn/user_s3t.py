"""UserS3T: a recommender in shards and slices of users that forgets by switching stages off."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.history import inexact_before
from graphforget.exact.memory import NOWHERE
from graphforget.exact.plan import Hit, Plan
from graphforget.exact.sharded import train_missing
from graphforget.exact.sharded_model import ShardedModel
from graphforget.protocols import Learner, Objective, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained
from graphforget.unlearn.reasons import nothing_left
from recsys.interactions import Interactions
from recsys.learn.ease import log_matrix
from recsys.learn.pairwise import ranking
from recsys.unlearn.sliced_factors import SlicedFactors, histories


class SlicedRecommender(ShardedModel):
    """Stages of users' shards as a network of a `Ranking`: ``forward(x, edge_index)``.

    A user's row is the logarithm of the mean probability of every item, an item's a unit vector,
    so that their inner product is the score.
    """

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Rows of users and items, shape ``(N, I)``."""
        items = self.recipe.num_items  # type: ignore[attr-defined]
        taken = log_matrix(edge_index, len(self.shard), items).float()
        return torch.cat([super().forward(taken, edge_index[:, :0]),
                          torch.eye(items, device=edge_index.device)])

    def without(
        self, hits: Mapping[int, Collection[Hit]], nodes: Iterable[int] = ()
    ) -> SlicedRecommender:
        left = super().without(hits, nodes)
        result = SlicedRecommender(
            self.plan, self.recipe, left.shard, left.slice, self.several
        )
        result.stages = left.stages
        return result.eval()


@dataclass(frozen=True)
class UserS3T(Learner, Unlearner):
    """S3T (Chowdhury et al., ICLR 2025) on users: a deletion kills the stages that saw it.

    Users are placed by a keyed hash of their number. Each shard trains every order of its slices
    as a chain of stages with factors of their own, and answers from the longest beginning that is
    left; an item goes from all slices in which anybody has taken it. What is left is, bit for bit,
    what training without the request would have made of the same stages.

    Args:
        shards: m, disjoint parts of the users.
        slices: L, disjoint parts of a shard.
        orders: B, evenly spaced rotations of the slices; None for as many as there are slices.
        salt: key of the hash that places users.
        several: average all of a shard's deepest live stages, not the first alone.
        repair: train dead stages again at once, from what is left; otherwise the model answers
            from the stages that live, and `repaired` does it later.
        width: of a stage's factors.
        buckets: rows that items are hashed into; 0 for a row an item.
        dropout: share of a history that is hidden in training.
        epochs: steps of a stage.
        learning_rate: step size of Adam.
        weight_decay: L2 penalty of Adam.
    """

    exact: ClassVar[bool] = True

    shards: int = 4
    slices: int = 4
    orders: int | None = None
    salt: str = "graphforget"
    several: bool = False
    repair: bool = False
    width: int = SlicedFactors.width
    buckets: int = SlicedFactors.buckets
    dropout: float = SlicedFactors.dropout
    epochs: int = SlicedFactors.epochs
    learning_rate: float = SlicedFactors.learning_rate
    weight_decay: float = SlicedFactors.weight_decay

    def __post_init__(self) -> None:
        self.plan()
        self.recipe(1)  # both refuse what cannot be carried out

    def plan(self) -> Plan:
        """Shards, slices and stages."""
        orders = self.slices if self.orders is None else self.orders
        return Plan.chains(self.shards, self.slices, orders, self.salt)

    def recipe(self, num_items: int) -> SlicedFactors:
        """How a stage is trained."""
        return SlicedFactors(
            num_items, self.width, self.buckets, self.dropout, self.epochs, self.learning_rate,
            self.weight_decay,
        )

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        """The shards without a stage: all dark, until stages are trained or loaded."""
        log, plan = _log(data), self.plan()
        shard, slice = map(torch.from_numpy, plan.placement.of(range(log.num_users)))
        there = torch.zeros(log.num_users, dtype=torch.bool)
        there[log.train_nodes[0].cpu()] = True
        shard = torch.where(there, shard, NOWHERE)
        model = SlicedRecommender(plan, self.recipe(log.num_items), shard, slice, self.several)
        return model.to(data.edge_index.device)

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        ranking(self, task).check(data)
        model = self.build(data, task, seed)
        assert isinstance(model, SlicedRecommender)
        model.plan.check(int((model.shard != NOWHERE).sum()))
        train_missing(model, histories(_log(data)), seed)
        return Trained(model=model, data=data, task=task, learner=self, seed=seed)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        raise UserError(_ONE_BY_ONE)

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        raise UserError(_ONE_BY_ONE)

    def steps(self, data: Data) -> int:
        """How many stages are trained, each for the learner's epochs."""
        plan = self.plan()
        return plan.shards * len(plan.stages)

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        if not isinstance(trained.learner, UserS3T):
            return "the model was not trained in slices of users; train it with UserS3T as learner"
        return inexact_before(trained) or nothing_left(trained, request)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        """Switch off every stage that saw what goes, and train it again if ``repair`` says so.

        The training's seed is the one that counts, not this one, so that a repaired model is the
        one that `fit` makes of the log that is left.
        """
        model, log, own = trained.model, _log(trained.data), trained.learner
        assert isinstance(model, SlicedRecommender) and isinstance(own, UserS3T)
        left = _log(request.retained(log))
        hits = hits_of_users(model, trained.task.forgotten_items(request, log))
        after = model.without(hits, _gone(left))
        if self.repair:
            train_missing(after, histories(left), trained.seed)
        done = replace(own, repair=self.repair)  # what was really done, for the record
        return trained.after(after, request, done, seed, data=left)

    def repaired(self, trained: Trained) -> Trained:
        """The model with its dead stages trained again on its data; the input is left as it was.

        Bit for bit what `fit` makes of these data from the same seed.
        """
        if reason := self.supports(trained, ForgetRequest("edge", ((0, 0),))):
            raise UserError(f"UserS3T: {reason}")
        assert isinstance(trained.model, SlicedRecommender)
        model = trained.model.without({})
        train_missing(model, histories(_log(trained.data)), trained.seed)
        return replace(trained, model=model)


def hits_of_users(model: ShardedModel, pairs: Tensor) -> dict[int, set[Hit]]:
    """What leaving pairs do to each shard: the slices of those who lose one are hit.

    Args:
        model: knows where users are.
        pairs: training pairs that go, the user's node first, shape ``(2, K)``.
    """
    found: dict[int, set[Hit]] = {}
    for user in pairs[0].unique().tolist():
        shard = int(model.shard[user])
        if shard != NOWHERE:
            found.setdefault(shard, set()).add(frozenset((int(model.slice[user]),)))
    return found


def _gone(left: Interactions) -> list[int]:
    """Users of whom no training pair is left."""
    there = torch.zeros(left.num_users, dtype=torch.bool, device=left.edge_index.device)
    there[left.train_nodes[0]] = True
    return (~there).nonzero().flatten().tolist()


def _log(data: Any) -> Interactions:
    if not isinstance(data, Interactions):
        raise UserError(
            f"UserS3T: wanted an interaction log, got {type(data).__name__}; for graphs there is "
            "graphforget.exact.S3T"
        )
    return data


_ONE_BY_ONE = (
    "UserS3T: its stages are trained one by one, so there is no one training to go on with; "
    "forget with UserS3T, or Retrain"
)
