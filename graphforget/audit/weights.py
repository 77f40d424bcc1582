"""How the weights changed: whether the change is more than a nudge of the original's weights.

Where a request leaves little to forget, the original's weights answer within noise of a retrained
model as they are, and no distance tells a model that forgot from the original, nudged a little.
What tells is the change. Random changes of the same sizes show what a nudge does; a change that
comes from the data goes with the gradient of training, or moves the forgotten items more.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.audit.regions import Regions
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained

DRAWS = 99  # random changes that the real one has to outdo
MODELS = 8  # looked at; more tell no more about what has to be a habit of the method
RARE = 0.02  # share of random changes that may do as much
AIMED = 2.58  # standard errors that a random change is off once in a hundred times
LEAST_MOVE = 0.01  # of the way to a retrained model's answers; less is nothing done
ANOTHER = 0.5  # of a retrained model's difference: from there it is not the original any more
NEARER = 0.1  # of the distance to the floor that a significant gain has to make up


@dataclass(frozen=True)
class WeightChange:
    """What became of the original's weights.

    Args:
        size: length of the change over the length of the weights, median over the models; NaN if
            the model has other parameters than the original.
        retrained: the same of retrained models; NaN as above.
        moved: mean change of the margins on the forgotten items, over how far the margins of
            retrained models lie from those of the original's weights.
        as_far: share of changes of the same size of each weight, but of random sign, that move
            the forgotten items as far, measured by how far they move unseen ones.
        along: standard errors by which the change goes with the gradient of the training objective
            on the retained data, or against it where negative; random signs have 1.
        gain: share of the distance between the original's weights, asked without the data, and
            the floor that the change makes up on the forgotten items.
        gain_t: its mean over its standard error between models; NaN for one model.
        gain_bar: what chance exceeds once in a hundred times.
    """

    size: float
    retrained: float
    moved: float
    as_far: float = math.nan
    along: float = math.nan
    gain: float = math.nan
    gain_t: float = math.nan
    gain_bar: float = math.nan

    @property
    def another(self) -> bool:
        """Whether the model is no relative of the original: trained from other weights."""
        return self.size >= ANOTHER * self.retrained

    @property
    def aimed(self) -> bool:
        """Whether the change has to do with the data, by where it shows or by its direction."""
        told = math.isnan(self.size) or self.as_far < RARE or abs(self.along) > AIMED
        return self.size != 0 and told and self.moved >= LEAST_MOVE

    @property
    def nearer(self) -> bool:
        """Whether the models are significantly nearer to retraining than untouched weights."""
        return self.gain_t > self.gain_bar and self.gain >= NEARER

    @property
    def passed(self) -> bool:
        """Whether this is more than the original's weights, nudged."""
        return self.another or self.aimed or self.nearer


def weight_change(
    before: Sequence[Trained],
    after: Sequence[Trained],
    retrained: Sequence[Trained],
    request: ForgetRequest,
    regions: Regions,
    seed: int = 0,
) -> WeightChange:
    """Compare the weights of unlearned models with those they were made from.

    All models are asked on the retained graph with the forgotten items' own attributes put back.

    Args:
        before: originals, ``M`` of them.
        after: the same, unlearned, in the same order.
        retrained: models retrained without the data, at least one.
        request: what was forgotten.
        regions: the forgotten and the test items.
        seed: seed of the random changes.
    """
    before, after, retrained = before[:MODELS], after[:MODELS], retrained[:MODELS]
    data, kept = before[0].data, request.retained(before[0].data)
    ask = _Question(before[0].task, request.probe(data), data, regions)
    old, new, aims = ([ask(each.model)[0] for each in arm] for arm in (before, after, retrained))
    way = torch.stack([(aim - each).abs().mean() for aim in aims for each in old]).mean()
    moved = torch.stack([(b - a).abs().mean() for a, b in zip(old, new, strict=True)]).mean()
    pairs = list(zip(before, after, strict=True))
    changes = [change for pair in pairs if (change := difference(*pair)) is not None]
    found = WeightChange(
        size=_relative(pairs),
        retrained=_relative(list(zip(before, retrained, strict=False))),
        moved=float(moved / way.clamp(min=1e-12)),
    )
    if len(changes) < len(pairs) or found.size == 0:
        return found
    generator = Generator().manual_seed(seed)
    trials = torch.stack([_trials(each.model, change, ask, generator)
                          for each, change in zip(before, changes, strict=True)]).mean(0)
    along = [_along(each, kept, change, seed)
             for each, change in zip(before, changes, strict=True)]
    return replace(
        found,
        as_far=float((trials[1:] >= trials[0]).double().mean()),
        along=sum(along) / math.sqrt(len(along)),
    )


def gain(bare: Tensor, after: Tensor, floor: float) -> dict[str, float]:
    """How much nearer to retraining the models are than the original's weights without the data.

    Args:
        bare: distance to retrained models of each original's weights, shape ``(M,)``.
        after: that of each unlearned model, in the same order.
        floor: distance between retrained models.

    >>> gain(torch.tensor([0.3]), torch.tensor([0.2]), floor=0.1)["gain"]
    0.5
    """
    from scipy.stats import t

    gained, way = (bare - after).double(), float(bare.mean()) - floor
    found = {"gain": round(float(gained.mean()) / way, 6) if way > 0 else math.nan}
    if len(gained) > 1:
        error = float(gained.std()) / math.sqrt(len(gained))
        found["gain_t"] = float(gained.mean()) / max(error, 1e-12)
        found["gain_bar"] = float(t.ppf(0.99, len(gained) - 1))
    return found


def difference(old: Trained, new: Trained) -> dict[str, Tensor] | None:
    """By how much each parameter differs; None if the models have not the same parameters."""
    ours, theirs = (dict(each.model.named_parameters()) for each in (old, new))
    if {k: v.shape for k, v in ours.items()} != {k: v.shape for k, v in theirs.items()}:
        return None
    return {name: (theirs[name] - value).detach() for name, value in ours.items()}


@dataclass(frozen=True, eq=False)
class _Question:
    """Asks a network about forgotten and test items."""

    task: Task
    probe: Data
    labelled: Data
    regions: Regions

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> tuple[Tensor, ...]:
        """Margins of either, ``(K,)``."""
        output = model(self.probe.x, self.probe.edge_index)
        return tuple(
            self.task.margin(self.task.read(output, items), self.labelled, items)
            for items in (self.regions.forgotten, self.regions.test)
        )


@torch.no_grad()
def _trials(
    model: nn.Module, change: Mapping[str, Tensor], ask: _Question, generator: Generator
) -> Tensor:
    """How far forgotten items move over how far test items do, on a log scale.

    The first of the ``1 + DRAWS`` is the change itself, the others have random signs.
    """
    network, start = copy.deepcopy(model), dict(model.named_parameters())
    margins, found = ask(model), []
    for trial in range(1 + DRAWS):
        for name, target in network.named_parameters():
            sign = torch.randint(2, target.shape, generator=generator).to(target) * 2 - 1
            target.copy_(start[name] + (sign * change[name] if trial else change[name]))
        moves = [(now - was).abs().mean().clamp(min=1e-12)
                 for now, was in zip(ask(network), margins, strict=True)]
        found.append(moves[0].log() - moves[1].log())
    return torch.stack(found)


def _along(trained: Trained, kept: Data, change: Mapping[str, Tensor], seed: int) -> float:
    """Product of a change with the gradient of training, over its size at random signs."""
    network = copy.deepcopy(trained.model)
    draw = Generator(device=kept.x.device).manual_seed(seed)
    names, targets = zip(*network.named_parameters(), strict=True)
    slopes = torch.autograd.grad(
        trained.task.loss(network, kept, draw), targets, allow_unused=True
    )
    parts = torch.cat([(slope * change[name]).double().flatten()
                       for name, slope in zip(names, slopes, strict=True) if slope is not None])
    return float(parts.sum() / parts.norm().clamp(min=1e-30))


def _relative(pairs: Sequence[tuple[Trained, Trained]]) -> float:
    """Median length of the differences over that of the weights; NaN if they have no length."""
    shares = []
    for old, new in pairs:
        change = difference(old, new)
        length = math.nan if change is None else _length(change.values())
        shares.append(length / _length(old.model.parameters()))
    return float(torch.tensor(shares).median())


def _length(tensors: Iterable[Tensor]) -> float:
    return math.sqrt(sum(float(each.detach().double().pow(2).sum()) for each in tensors))
