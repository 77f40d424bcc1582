"""Many models of one learner: the sample of trainings that an audit compares with."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.audit.wide import Wide, is_known
from graphforget.learn import CrossEntropy
from graphforget.learn.state import Snapshots, optimizer_state
from graphforget.learn.trainer import descend
from graphforget.protocols import Learner
from graphforget.task import Task
from graphforget.trained import Trained


def fit_many(
    learner: Learner,
    data: Data,
    task: Task,
    seeds: Sequence[int],
    train_masks: Tensor | None = None,
) -> list[Trained]:
    """One trained model a seed, as ``learner.fit`` would make them.

    The models of a full-batch `CrossEntropy` over one of PyG's encoders are trained as one
    tensor program: weights stacked, one graph, one Adam, which is elementwise and so equals as
    many separate ones. Initial weights and the negatives of link prediction are those of single
    fits; dropout draws other numbers. Every other learner is run once a seed.

    Args:
        learner: how to train.
        data: the graph.
        task: what for.
        seeds: one seed a model, ``M`` of them.
        train_masks: bool, shape ``(M, N)``: the training nodes of each model, for models that
            see different halves; by default those of the data.

    Returns:
        ``M`` trained models with optimiser state and snapshots, in the order of the seeds.
    """
    task.check(data)
    own = [data] * len(seeds) if train_masks is None else _masked(data, train_masks)
    if (
        type(learner) is CrossEntropy
        and learner.batch_nodes == 0
        and not learner.best
        and len(seeds) > 1
    ):
        networks = [learner.build(data, task, seed) for seed in seeds]
        if is_known(networks[0]):
            return _fit_wide(learner, networks, own, task, seeds)
    return [learner.fit(each, task, seed) for each, seed in zip(own, seeds, strict=True)]


def _fit_wide(
    learner: CrossEntropy,
    networks: list[nn.Module],
    own: list[Data],
    task: Task,
    seeds: Sequence[int],
) -> list[Trained]:
    wide = Wide(networks, own[0].x, own[0].edge_index)
    optimizer = learner.optimizer(wide.parameters())
    generators = [Generator(device=own[0].x.device).manual_seed(seed) for seed in seeds]
    due = {round(share * learner.epochs): round(share * learner.epochs)
           for share in learner.snapshots}
    keep = Snapshots(wide, optimizer, due)

    def objective(model: nn.Module, _: Generator) -> Tensor:
        losses = [
            learner.loss(_Answers(output), each, task, generator)
            for output, each, generator in zip(model(), own, generators, strict=True)
        ]
        return torch.stack(losses).sum()

    descend(wide, objective, optimizer, learner.epochs, seeds[0], callbacks=[keep])
    state = optimizer_state(wide, optimizer)
    names = {name for name, _ in wide.named_parameters()}
    return [
        Trained(
            model=wide.write_to(place, network),
            data=own[place],
            task=task,
            learner=learner,
            seed=seed,
            optimizer=_of_one(state, names, place),
            snapshots={
                epoch: _of_one(taken, names, place) for epoch, taken in keep.taken.items()
            },
        )
        for place, (network, seed) in enumerate(zip(networks, seeds, strict=True))
    ]


class _Answers(nn.Module):
    """A model whose output has been computed already."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.output


def _of_one(stacked: Mapping[str, Tensor], names: set[str], place: int) -> dict[str, Tensor]:
    """One model's share of a stacked state; entries without a model axis are copied."""
    bare = {key: key.removeprefix("model.").removeprefix("optimizer.") for key in stacked}
    return {
        key: (value[place] if _has_model_axis(bare[key], value, names) else value).clone()
        for key, value in stacked.items()
    }


def _has_model_axis(key: str, value: Tensor, names: set[str]) -> bool:
    owner = key if key in names else key.rpartition(".")[0]
    return owner in names and value.dim() > 0


def _masked(data: Data, train_masks: Tensor) -> list[Data]:
    result = []
    for mask in train_masks:
        each = copy.copy(data)
        each.train_mask = mask
        result.append(each)
    return result
