"""The poison test: an exact method cannot tell what stood where the forgotten items were.

Features, labels and edges of the items are corrupted before training. The trained model must
differ, or the poison is too weak to prove anything; the forgotten model must be bit for bit the
same. Mutants of `Retrain` that forget one thing to drop must be caught.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch_geometric.data import Data

from graphforget import unlearn
from graphforget.exact.memory import hits_of
from graphforget.exact.sharded import Sharded
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn import Retrain, Unlink
from tests.contracts.conftest import IN_SHARDS

EXACT = [
    getattr(unlearn, name)()
    for name in unlearn.__all__
    if getattr(getattr(unlearn, name), "exact", 0)
] + [method for method in IN_SHARDS if method.exact]
CASES = [("node", kind) for kind in ("node", "edge", "feature", "class")]
CASES += [("link", kind) for kind in ("node", "edge", "feature")]


def poisoned(data: Data, request: ForgetRequest) -> Data:
    """The data with everything about the requested items corrupted."""
    result, generator = data.clone(), torch.Generator().manual_seed(0)
    if request.kind == "edge":  # the edges count five times
        both = torch.cat([request.tensor, request.tensor.flip(0)], dim=1)
        result.edge_index = torch.cat([data.edge_index, both.repeat(1, 4)], dim=1)
        return result
    nodes = request.nodes(data)
    result.x[nodes] = 3 * torch.randn(len(nodes), data.num_features, generator=generator)
    if request.kind in ("node", "class"):
        others = torch.randint(60, (len(nodes),), generator=generator)
        new = torch.stack([nodes, others])
        result.edge_index = torch.cat([data.edge_index, new, new.flip(0)], dim=1)
    if request.kind == "node" and "y" in data:
        result.y[nodes] = (data.y[nodes] + 1) % 3
    return result


def same(first: Trained, second: Trained) -> bool:
    ours, theirs = first.model.state_dict(), second.model.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def reached(method: Unlearner, clean: Trained, request: ForgetRequest) -> bool:
    """Whether training saw what is asked: edges between shards teach nothing."""
    if not isinstance(method, Sharded):
        return True
    return bool(hits_of(clean.data, clean.model.shard, clean.model.slice, request))


def leaks(method: Unlearner, setting, clean: Trained, request: ForgetRequest) -> bool:
    """Whether the forgotten model depends on what stood where the items were."""
    other = setting.train(poisoned(setting.data, request), method=method)
    if reached(method, clean, request):
        assert not same(clean, other), "the poison has no effect on training"
    return not same(method(clean, request, seed=5), method(other, request, seed=5))


@pytest.mark.parametrize("method", EXACT, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("name, kind", CASES)
def test_an_exact_method_cannot_tell(method, name, kind, settings, start):
    for seed in range(3 if kind == "class" else 5):
        asked = settings[name].request(kind, seed)
        if name == "link" and isinstance(method, Sharded):
            pytest.skip("trains in shards for node classification only")
        assert not leaks(method, settings[name], start(method, name), asked)


@dataclass(frozen=True)
class Careless(Retrain):
    """Retrains on the retained data with some attributes of the original put back."""

    kept: tuple[str, ...] = ()

    def forget(self, trained, request, seed):
        data = request.retained(trained.data)
        for name in self.kept:
            data[name] = trained.data[name]
        return replace(trained, model=trained.learner.fit(data, trained.task, seed).model)


@dataclass(frozen=True)
class OldWeights(Unlink):
    """Calls itself exact and keeps the weights."""

    exact = True


MUTANTS = [
    (Careless(kept=("y", "train_mask")), "node", "node"),
    (Careless(kept=("edge_index",)), "node", "node"),
    (Careless(kept=("edge_index",)), "node", "edge"),
    (Careless(kept=("edge_index",)), "link", "edge"),
    (Careless(kept=("x",)), "node", "feature"),
    (Careless(kept=("x",)), "link", "feature"),
    *((OldWeights(), name, kind) for name, kind in CASES),
]


@pytest.mark.parametrize("mutant, name, kind", MUTANTS)
def test_mutants_are_caught(mutant, name, kind, settings, trained):
    assert leaks(mutant, settings[name], trained[name], settings[name].request(kind))


def test_the_careless_without_a_fault_is_not_accused(settings, trained):
    request = settings["node"].request("node")
    assert not leaks(Careless(), settings["node"], trained["node"], request)
