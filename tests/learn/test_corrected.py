"""Wrong labels are found and put right, by model and data alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sklearn.metrics import roc_auc_score

from graphforget.core.errors import UserError
from graphforget.learn import ERASE, CrossEntropy, corrected_labels
from graphforget.learn.erase.presets import PUBLISHED_LARGE
from graphforget.nn import GCN, GIN, NormalisedGAT
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained

TASK = NodeClassification(3)
TINY = ERASE(encoder=NormalisedGAT(hidden=16, heads=2), width=16, epochs=30, learning_rate=0.01)
LARGE = replace(
    PUBLISHED_LARGE, encoder=TINY.encoder, width=16, epochs=10, batch_nodes=30
)


@pytest.fixture
def wrong_labels(tiny_graph):
    place = torch.arange(60) % 20
    tiny_graph.clean = tiny_graph.y.clone()
    wrong = (place < 2) | (place == 11)
    tiny_graph.y = torch.where(wrong, (tiny_graph.y + 1) % 3, tiny_graph.y)
    tiny_graph.y[5] = -1
    return tiny_graph


@pytest.mark.parametrize(
    "learner",
    [TINY, LARGE, CrossEntropy(encoder=GCN(16), epochs=40), CrossEntropy(GIN(8, layers=1), 40)],
)
def test_most_wrong_labels_are_found_and_put_right(wrong_labels, learner):
    trained = learner.fit(wrong_labels, TASK, seed=0)
    found = corrected_labels(trained)
    labelled = (wrong_labels.train_mask | wrong_labels.val_mask) & (wrong_labels.y >= 0)
    assert torch.equal(found.node, labelled.nonzero().flatten()) and 5 not in found.node
    assert torch.equal(found.given, wrong_labels.y[found.node])
    clean = wrong_labels.clean[found.node]
    better = float((found.corrected == clean).float().mean())
    assert better > float((found.given == clean).float().mean())
    assert roc_auc_score((found.given != clean).numpy(), found.doubt.numpy()) > 0.8
    kept = found.corrected == found.given
    torch.testing.assert_close(found.confidence[kept], 1 - found.doubt[kept])
    assert 0 <= float(found.doubt.min()) and float(found.doubt.max()) <= 1


def test_suspects_are_sorted_and_rows_have_the_users_names(wrong_labels):
    found = corrected_labels(TINY.fit(wrong_labels, TASK, seed=0))
    suspects = found.suspects()
    assert bool((found.given != found.corrected)[suspects].all())
    assert bool((found.doubt[suspects].diff() <= 0).all())
    assert list(found.frame().columns) == ["node", "given", "corrected", "confidence", "doubt"]
    wrong_labels.node_id = [f"n{node}" for node in range(60)]
    table = found.frame(wrong_labels)
    assert table["node_id"].tolist() == [f"n{node}" for node in found.node.tolist()]


def test_test_labels_have_no_say(wrong_labels):
    trained = TINY.fit(wrong_labels, TASK, seed=0)
    first = corrected_labels(trained)
    wrong_labels.y = torch.where(wrong_labels.test_mask, 0, wrong_labels.y)
    second = corrected_labels(Trained(trained.model, wrong_labels, TASK, learner=TINY))
    assert torch.equal(first.corrected, second.corrected)


def test_links_are_refused(tiny_links):
    model = GCN(8).build(8, 8, seed=0)
    with pytest.raises(UserError, match="corrected labels"):
        corrected_labels(Trained(model, tiny_links, LinkPrediction(8)))
