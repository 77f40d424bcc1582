"""What cannot be learnt from is refused before training, in one line."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.learn.checks import check_training, classes_of
from graphforget.task import LinkPrediction, NodeClassification


def spoil(data, what):
    if what == "features missing":
        data.x = None
    elif what == "features without columns":
        data.x = torch.zeros(60, 0)
    elif what == "NaN feature":
        data.x[3, 2] = torch.nan
    elif what == "infinite feature":
        data.x[3, 2] = torch.inf
    elif what == "label too large":
        data.y[0] = 3
    elif what == "label too small":
        data.y[0] = -2
    elif what == "labels in decimals":
        data.y = data.y.float()
    elif what == "labels missing":
        data.y = None
    elif what == "labels for some":
        data.y = data.y[:30]
    elif what == "no training node":
        data.train_mask[:] = False
    elif what == "no label on a training node":
        data.y[data.train_mask] = -1
    return data


CASES = {
    "features missing": "features: wanted x",
    "features without columns": "features: wanted x",
    "NaN feature": "finite",
    "infinite feature": "finite",
    "label too large": "from -1 .none. to 2, got 3",
    "label too small": "got -2",
    "labels in decimals": "one whole number",
    "labels missing": "labels y",
    "labels for some": "one whole number",
    "no training node": "train_mask with at least one node",
    "no label on a training node": "training node with a label",
}


@pytest.mark.parametrize("what", CASES)
def test_bad_data_is_refused_with_a_reason(tiny_graph, what):
    with pytest.raises(UserError, match=CASES[what]):
        check_training(spoil(tiny_graph, what), NodeClassification(3))


def test_one_class_is_nothing_to_tell_apart(tiny_graph):
    tiny_graph.y[:] = 0
    with pytest.raises(UserError, match="two classes"):
        check_training(tiny_graph, NodeClassification.of(tiny_graph))


def test_a_class_may_have_been_forgotten(tiny_graph):
    tiny_graph.y[tiny_graph.y != 0] = -1
    check_training(tiny_graph, NodeClassification(3))


def test_good_data_pass_and_stay_as_they_are(tiny_graph, tiny_links):
    before = {key: value.clone() for key, value in tiny_graph.to_dict().items()}
    check_training(tiny_graph, NodeClassification(3))
    assert all(torch.equal(tiny_graph[key], value) for key, value in before.items())
    check_training(tiny_links, LinkPrediction(8))
    tiny_graph.x = tiny_graph.x.to_sparse_csr()
    check_training(tiny_graph, NodeClassification(3))


def test_methods_about_labels_refuse_links():
    with pytest.raises(UserError, match="GCE: wanted node classification, got LinkPrediction"):
        classes_of("GCE", LinkPrediction(8))
