"""The last epoch is found where another was chosen, and there alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphforget.learn import ERASE, CrossEntropy
from graphforget.learn.last_epoch import last_epoch
from graphforget.nn import GCN, NormalisedGAT
from graphforget.task import NodeClassification

TASK = NodeClassification(3)
LEARNERS = [
    CrossEntropy(GCN(8, dropout=0.5), epochs=20, learning_rate=0.05),
    ERASE(NormalisedGAT(hidden=8, heads=2), width=8, epochs=20, learning_rate=0.05),
]


def same(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)
def test_it_is_what_comes_out_without_choosing(tiny_graph, learner):
    wrong = tiny_graph.train_mask & (torch.arange(60) % 5 < 3)  # so that the last is not the best
    tiny_graph.y = torch.where(wrong, (tiny_graph.y + 1) % 3, tiny_graph.y)
    plain, chosen = (
        replace(learner, best=best).fit(tiny_graph, TASK, 0) for best in (False, True)
    )
    epoch, model = last_epoch(chosen)
    assert epoch == 20 and same(model, plain.model) and not model.training
    assert not same(model, chosen.model)
    assert last_epoch(plain) is None and plain.snapshots


def test_with_nothing_to_choose_by_it_is_the_model(tiny_graph):
    tiny_graph.val_mask[:] = False
    trained = replace(LEARNERS[1], best=True).fit(tiny_graph, TASK, 0)
    assert trained.snapshots and last_epoch(trained) is None
