"""What all learners in shards share: they train stages, and forget by switching stages off."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.environment import repeatable
from graphforget.exact.graph_cut import kept, present
from graphforget.exact.history import inexact_before
from graphforget.exact.memory import NOWHERE, SlicesInMemory, hits_of
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import Recipe
from graphforget.exact.sharded_model import ShardedModel
from graphforget.exact.train_shard import stage_seed
from graphforget.learn.checks import check_training
from graphforget.protocols import Learner, Objective, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification, Task
from graphforget.trained import Trained


@dataclass(frozen=True)
class Sharded(Learner, Unlearner):
    """A learner whose models can forget, since each stage has seen some slices and no others.

    As an unlearner it goes by the plan and the recipe that the model was trained with; its own
    fields other than ``repair`` do not matter then.

    Args:
        several: average all of a shard's deepest live stages, not the first alone.
        repair: train dead stages again at once, from what is left; otherwise the model answers
            from the stages that live, and `repaired` does it later. Neither is certified: that
            takes the journal of a service, see graphforget s3t.
    """

    exact: ClassVar[bool] = True

    several: bool = False
    repair: bool = False

    @abstractmethod
    def plan(self, data: Data) -> Plan:
        """Shards, slices and stages."""

    @abstractmethod
    def recipe(self, task: NodeClassification) -> Recipe:
        """How a stage is trained."""

    def build(self, data: Data, task: Task, seed: int) -> nn.Module:
        """The shards without a stage: all dark, until stages are trained or loaded."""
        nodes = _node_task(type(self).__name__, task)
        plan = self.plan(data)
        shard, slice = (torch.from_numpy(part) for part in
                        plan.placement.of(range(int(data.num_nodes or 0))))
        there = present(kept(data)).to(shard.device)
        shard = torch.where(there, shard, NOWHERE)
        model = ShardedModel(plan, self.recipe(nodes), shard, slice, self.several)
        return model.to(data.edge_index.device)

    def fit(self, data: Data, task: Task, seed: int) -> Trained:
        check_training(data, _node_task(type(self).__name__, task))
        model = self.build(data, task, seed)
        assert isinstance(model, ShardedModel)
        model.plan.check(int((model.shard != NOWHERE).sum()))
        train_missing(model, data, seed)
        return Trained(model=model, data=data, task=task, learner=self, seed=seed)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        raise UserError(_one_by_one(self))

    def objective(self, data: Data, task: Task, seed: int) -> Objective:
        _node_task(type(self).__name__, task)
        raise UserError(_one_by_one(self))

    def steps(self, data: Data) -> int:
        """How many stages are trained, each for the learner's epochs."""
        plan = self.plan(data)
        return plan.shards * len(plan.stages)

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        name, learner = type(self).__name__, trained.learner
        if isinstance(learner, Sharded) and type(learner) is not type(self):
            trainer = type(learner).__name__
            return f"the model was trained by {trainer}, which forgets by itself; use {trainer}"
        if not isinstance(learner, Sharded) or not isinstance(trained.model, ShardedModel):
            return f"the model was not trained in shards; train it with {name} as the learner"
        return inexact_before(trained)

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        """Switch off every stage that saw what goes, and train it again if ``repair`` says so.

        The training's seed is the one that counts, not this one, so that a repaired model is the
        one that `fit` makes of the data that are left.
        """
        model, data = trained.model, trained.data
        assert isinstance(model, ShardedModel)
        hits = hits_of(data, model.shard, model.slice, request)
        whole = request.kind in ("node", "class")
        after = model.without(hits, request.nodes(data).tolist() if whole else ())
        left = request.retained(data)
        if self.repair:
            train_missing(after, left, trained.seed)
        assert isinstance(trained.learner, Sharded)
        done = replace(trained.learner, repair=self.repair)  # what was really done, for the record
        return trained.after(after, request, done, seed, data=left)

    def repaired(self, trained: Trained) -> Trained:
        """The model with its dead stages trained again on its data; the input is left as it was.

        Where `exact`, bit for bit what `fit` makes of these data from the same seed.
        """
        if reason := self.supports(trained, ForgetRequest("node", (0,))):
            raise UserError(f"{type(self).__name__}: {reason}")
        assert isinstance(trained.model, ShardedModel)
        model = trained.model.without({})
        train_missing(model, trained.data, trained.seed)
        return replace(trained, model=model)


def train_missing(model: ShardedModel, data: Data, seed: int) -> int:
    """Train the stages of a model that are not there, those that others stand on first.

    Args:
        model: the shards; changed in place.
        data: the graph, without what was forgotten.
        seed: root seed; every stage has its own from it.

    Returns:
        How many were trained.
    """
    slices = SlicesInMemory(data, model.placement)
    count = 0
    for shard in range(model.plan.shards):
        for path in model.missing(shard):
            before = [model.state(shard, earlier) for earlier in model.plan.lineage(path)[:-1]]
            with repeatable():
                rows = slices.rows(shard, path)
                state = model.recipe.train(rows, before, stage_seed(seed, shard, path))
            model.put(shard, path, state)
            count += 1
    model.to(data.edge_index.device).eval()
    return count


def _node_task(name: str, task: Task) -> NodeClassification:
    if not isinstance(task, NodeClassification):
        raise UserError(
            f"{name}: wanted node classification, got {type(task).__name__}, whose links join "
            "slices; train with CrossEntropy and forget with Retrain"
        )
    return task


def _one_by_one(learner: Sharded) -> str:
    name = type(learner).__name__
    return (
        f"{name}: its stages are trained one by one, so there is no one training to go on with; "
        f"forget with {name}, or Retrain"
    )
