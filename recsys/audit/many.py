"""Many matrix factorisations at once: the samples of trainings that audits compare with.

Sixteen models of a kind tell what a hundred histograms would (evaluation.md 4.3), if they cost
what a few do: their rows are stacked, and a step of all of them is one program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.learn.state import Snapshots, optimizer_state
from graphforget.learn.trainer import descend
from graphforget.protocols import Learner
from graphforget.task import Task
from graphforget.trained import Trained
from recsys.learn.bpr import BPRMF
from recsys.ranking import table
from recsys.task.rivals import ROUNDS

Fit = Callable[[Learner, Data, Task, Sequence[int]], list[Trained]]
"""Trains one model a seed."""


class StackedFactors(nn.Module):
    """``M`` models of `recsys.learn.bpr.Factors`, one behind the other in each parameter.

    Args:
        models: the single ones; they are not changed.
    """

    def __init__(self, models: Sequence[Any]) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.stack([each.rows.detach() for each in models]))
        self.popularity = nn.Parameter(
            torch.stack([each.popularity.detach() for each in models])
        )

    def losses(self, pairs: Tensor, rivals: Tensor, penalty: float) -> Tensor:
        """The loss of a batch of each model, as `BPRMF` has it, shape ``(M,)``.

        Args:
            pairs: nodes, the user's first, shape ``(2, M, B)``.
            rivals: items that the pairs are compared with, shape ``(M, B)``.
            penalty: the learner's.
        """
        models, nodes, width = self.rows.shape
        items = self.popularity.size(1)
        first = torch.arange(models, device=pairs.device)[:, None]
        places = torch.stack([*pairs, rivals]) + nodes * first
        touched = self.rows.view(-1, width).index_select(0, places.flatten())
        user, item, rival = touched.view(3, models, -1, width)
        shift = items * first - (nodes - items)
        known = self.popularity.view(-1)
        gap = (user * (item - rival)).sum(-1)
        gap = gap + known[pairs[1] + shift] - known[rivals + shift]
        weight = touched.square().view(3, models, -1).sum((0, 2)) / max(1, pairs.size(2))
        return nn.functional.softplus(-gap).mean(1) + penalty / 2 * weight


class StackedRivals:
    """`recsys.task.Rivals` of ``M`` logs, each by a generator of its own: the same draws.

    What was taken is a table, one look at which answers for all models.

    Args:
        logs: one a model; where they are one and the same, so is the table.
        seeds: of the generators, those that single fits have.
    """

    def __init__(self, logs: Sequence[Any], seeds: Sequence[int]) -> None:
        device = logs[0].edge_index.device
        self.draws = [Generator(device=device).manual_seed(seed) for seed in seeds]
        self.users, self.items = logs[0].num_users, logs[0].num_items
        distinct = {id(log): log for log in logs}
        at = {key: place for place, key in enumerate(distinct)}
        self.taken = torch.stack([table(log.pairs, self.users, self.items)
                                  for log in distinct.values()])
        self.which = torch.tensor([at[id(log)] for log in logs], device=device)[:, None]

    def __call__(self, users: Tensor) -> Tensor:
        """An item that each user has not taken, as nodes, from users ``(M, B)``: ``(M, B)``."""
        drawn = torch.stack([self._draw(users.size(1), generator) for generator in self.draws])
        for _ in range(ROUNDS):
            wrong = self.taken[self.which, users, drawn]
            if not wrong.any():
                break
            for row, (some, generator) in enumerate(zip(wrong, self.draws, strict=True)):
                places = some.nonzero().flatten()
                if len(places):
                    drawn[row, places] = self._draw(len(places), generator)
        return drawn + self.users

    def _draw(self, count: int, generator: Generator) -> Tensor:
        last = self.users + self.items
        return torch.randint(
            self.users, last, (count,), generator=generator, device=generator.device
        ) - self.users


def fit_many(
    learner: Learner,
    data: Data,
    task: Task,
    seeds: Sequence[int],
    logs: Sequence[Data] | None = None,
) -> list[Trained]:
    """One trained model a seed, as ``learner.fit`` would make them.

    `BPRMF` on logs of one size is trained as one tensor program, on the batches, the rivals and
    from the weights that single fits have; Adam works on each number by itself, so the results are
    those of single fits up to rounding. Every other learner is run once a seed.

    Args:
        learner: how to train.
        data: the log of all models.
        task: what for.
        seeds: one a model, ``M`` of them.
        logs: one log a model in the place of ``data``, such as random halves of it.

    Returns:
        ``M`` trained models with optimiser state and snapshots, in the order of the seeds.
    """
    own = [data] * len(seeds) if logs is None else list(logs)
    sizes = {each.edge_index.size(1) for each in own}
    if type(learner) is not BPRMF or len(seeds) < 2 or len(sizes) > 1:
        return [learner.fit(each, task, seed) for each, seed in zip(own, seeds, strict=True)]
    task.check(data)
    singles = [learner.build(data, task, seed) for seed in seeds]
    stacked = StackedFactors(singles).to(data.edge_index.device)
    optimizer = learner.optimizer(stacked.parameters())
    steps = learner.steps(own[0])
    marks = {round(share * learner.epochs) for share in learner.snapshots}
    keep = Snapshots(stacked, optimizer, {epoch * steps: epoch for epoch in sorted(marks)})
    batches = [learner.batches(each, task, seed) for each, seed in zip(own, seeds, strict=True)]
    rivals = StackedRivals(own, seeds)

    def objective(model: nn.Module, _: Generator) -> Tensor:
        assert isinstance(model, StackedFactors)
        pairs = torch.stack([next(each) for each in batches], dim=1)
        return model.losses(pairs, rivals(pairs[0]), learner.penalty).sum()

    descend(stacked, objective, optimizer, learner.epochs * steps, seeds[0], callbacks=[keep])
    state = optimizer_state(stacked, optimizer)
    return [
        Trained(
            model=_written(stacked, place, single),
            data=log,
            task=task,
            learner=learner,
            seed=seed,
            optimizer=_of_one(state, place),
            snapshots={epoch: _of_one(taken, place) for epoch, taken in keep.taken.items()},
        )
        for place, (single, log, seed) in enumerate(zip(singles, own, seeds, strict=True))
    ]


@torch.no_grad()
def _written(stacked: StackedFactors, place: int, single: nn.Module) -> nn.Module:
    for mine, theirs in zip(stacked.parameters(), single.parameters(), strict=True):
        theirs.copy_(mine[place])
    return single


def _of_one(state: Mapping[str, Tensor], place: int) -> dict[str, Tensor]:
    """One model's share of a stacked state; step counts are shared."""
    return {key: (value[place] if value.dim() else value).clone() for key, value in state.items()}
