"""What forgets in graphs forgets in recommenders: what runs on which models, and why not."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch

from graphforget import unlearn
from graphforget.core.errors import Refused
from graphforget.protocols import Learner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn.questions import questions
from recsys.interactions import Interactions
from recsys.learn import BPRMF, EASE, LightGCN, NeuralCF, WeightedMF
from recsys.task import Ranking
from tests.recsys.planted import planted_log

METHODS = {name: getattr(unlearn, name) for name in unlearn.__all__}
SNAPSHOTS = (0.5, 0.75)
LEARNERS: dict[str, Learner] = {
    "bpr": BPRMF(width=4, epochs=4, learning_rate=0.05, batch_size=256, snapshots=SNAPSHOTS),
    "lightgcn": LightGCN(width=4, epochs=4, batch_size=512, snapshots=SNAPSHOTS),
    "ncf": NeuralCF(width=4, hidden=4, epochs=4, batch_size=512, snapshots=SNAPSHOTS),
    "ease": EASE(penalty=5.0),
    "als": WeightedMF(width=4, epochs=3, penalty=1.0),
}
SOLVED = ("ease", "als")
REQUESTS = {
    "user": ForgetRequest("user", [0, 5]),
    "item": ForgetRequest("item", [3]),
    "interaction": ForgetRequest("interaction", [[0, 0], [1, 1]]),
}


@cache
def log() -> Interactions:
    """The planted log with a part of the test pairs for choosing."""
    data = planted_log()
    held = data.test_pos_edge_index
    data.val_pos_edge_index, data.test_pos_edge_index = held[:, ::4], held[:, 1::4]
    return data


@cache
def trained(name: str) -> Trained:
    joint = 4 if name == "ncf" else 0
    return LEARNERS[name].fit(log(), Ranking(joint=joint), seed=0)


@pytest.mark.parametrize("model", SOLVED)
@pytest.mark.parametrize("method", METHODS)
def test_what_was_solved_for_is_retrained_or_unlinked_only(model: str, method: str) -> None:
    reason = METHODS[method]().supports(trained(model), REQUESTS["user"])
    if method in ("Retrain", "Unlink"):
        assert reason is None
    elif method == "GNNDelete":
        assert reason is not None and "message-passing" in reason
    else:
        assert reason is not None and "closed form" in reason


def test_deletion_operators_need_layers_and_a_model_without_rows_for_nodes() -> None:
    for name, wanted in {"bpr": "message-passing", "ncf": "message-passing",
                         "lightgcn": "weights for every node"}.items():
        with pytest.raises(Refused, match=wanted):
            unlearn.GNNDelete()(trained(name), REQUESTS["user"])


def test_a_model_with_rows_for_nodes_is_never_asked_on_a_part_of_the_graph() -> None:
    wide = planted_log(users=400, items=300, groups=60)
    model = LEARNERS["lightgcn"].fit(wide, Ranking(), seed=0)
    request = ForgetRequest("interaction", [wide.pairs[:, 0].tolist()])
    asked = questions(model, request, request.retained(wide), company=1, seed=0)
    assert asked.graph.num_nodes == wide.num_nodes


RUNS = [(model, method) for model in ("bpr", "lightgcn") for method in METHODS
        if method != "GNNDelete"] + [("ncf", "D2DGN"), ("ncf", "SCRUB")]


@pytest.mark.parametrize(("model", "method"), RUNS)
def test_methods_run_and_leave_the_original_alone(model: str, method: str) -> None:
    kind = ("user", "item", "interaction")[RUNS.index((model, method)) % 3]
    before, request = trained(model), REQUESTS[kind]
    kept = copy.deepcopy(before.model.state_dict())
    after = METHODS[method]()(before, request, seed=1)
    assert not request.held_by(after.data, before.data)
    assert not after.model.training
    assert all(before.model.state_dict()[key].equal(value) for key, value in kept.items())
    again = METHODS[method]()(before, request, seed=1)
    users = torch.arange(log().num_users)
    first, second = (
        each.task.scores(each.model(each.data.x, each.data.edge_index), users, each.data)
        for each in (after, again)
    )
    assert first.isfinite().all() and first.equal(second)


def test_a_retrained_model_does_not_depend_on_what_was_forgotten() -> None:
    request, poisoned = REQUESTS["user"], copy.copy(log())
    extra = torch.tensor([[0, 5], [39, 38]]) + torch.tensor([[0], [60]])
    both = torch.cat([log().edge_index, extra, extra.flip(0)], dim=1).unique(dim=1)
    poisoned.edge_index = both
    for name in ("bpr", "lightgcn"):
        clean = unlearn.Retrain()(trained(name), request, seed=3)
        other = LEARNERS[name].fit(poisoned, Ranking(), seed=0)
        assert not _equal(other, trained(name))
        assert _equal(unlearn.Retrain()(other, request, seed=3), clean)


@pytest.mark.parametrize("model", ["bpr", "lightgcn"])
def test_rewinding_all_the_way_of_the_kept_snapshots_moves_forgotten_pairs_down(
    model: str,
) -> None:
    before, request = trained(model), REQUESTS["interaction"]
    pairs = before.task.forgotten_items(request, before.data)
    after = unlearn.Rewind(share=0.5)(before, request)
    margins = [
        (each.task.logits(each.model, each.data, pairs)
         - each.task.yardstick(each.model(each.data.x, each.data.edge_index), log(), pairs, 0)
         ).mean()
        for each in (before, after)
    ]
    assert margins[1] < margins[0]


def _equal(one: Trained, other: Trained) -> bool:
    states = one.model.state_dict(), other.model.state_dict()
    return all(states[1][key].equal(value) for key, value in states[0].items())
