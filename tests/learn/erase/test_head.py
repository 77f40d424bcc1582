"""Heads separate what can be separated, whatever classes there are."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

from graphforget.core.errors import UserError
from graphforget.learn.erase.head import LogisticHead, RidgeHead, TrainedHead

HEADS = [LogisticHead(), RidgeHead()]


def rows(count=90, width=12, classes=(0, 1, 2), seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.tensor(classes)[torch.arange(count) % len(classes)]
    centre = torch.rand(10, width, generator=generator)
    z = centre[labels] + 0.2 * torch.rand(count, width, generator=generator)
    return F.normalize(z, dim=1), labels


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 3), (1,)])
@pytest.mark.parametrize("count", [90, 6])
def test_rows_get_their_labels_and_absent_classes_get_none(head, classes, count):
    z, labels = rows(count, classes=classes)
    layer = torch.nn.Linear(12, 4)
    head.fit(layer, z, labels)
    probability = layer(z).softmax(1)
    assert torch.equal(probability.argmax(1), labels)
    absent = [label for label in range(4) if label not in classes]
    assert float(probability[:, absent].max()) < 1e-6


@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 3)])
def test_logistic_head_is_scikit_learns(classes):
    z, labels = rows(classes=classes)
    z, layer = z.double(), torch.nn.Linear(12, 4).double()
    for _ in range(2):  # the second time from where the first left it
        LogisticHead().fit(layer, z, labels)
        theirs = LogisticRegression(max_iter=1000).fit(z.numpy(), labels.numpy())
        ours = layer(z).softmax(1)[:, list(classes)].detach()
        torch.testing.assert_close(
            ours, torch.as_tensor(theirs.predict_proba(z.numpy())), atol=2e-3, rtol=0
        )


def test_ridge_is_the_same_from_either_gram():
    z, labels = rows(12)
    wide = torch.cat([z, torch.zeros(12, 1)], 1)  # 13 dimensions, 12 rows
    layers = [torch.nn.Linear(12, 3), torch.nn.Linear(13, 3)]
    RidgeHead().fit(layers[0], z, labels)
    RidgeHead().fit(layers[1], wide, labels)
    torch.testing.assert_close(layers[0](z), layers[1](wide))


@pytest.mark.parametrize("head", HEADS)
def test_rows_without_a_label_do_not_count(head):
    z, labels = rows()
    first, second = torch.nn.Linear(12, 3), torch.nn.Linear(12, 3)
    second.load_state_dict(first.state_dict())
    head.fit(first, z[:60], labels[:60])
    head.fit(second, z, torch.where(torch.arange(90) < 60, labels, -1))
    torch.testing.assert_close(first.weight, second.weight)


def test_a_trained_head_stays():
    layer = torch.nn.Linear(2, 2)
    before = layer.weight.clone()
    TrainedHead().fit(layer, torch.eye(2), torch.tensor([0, 1]))
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize(
    "make", [lambda: LogisticHead(every=0), lambda: LogisticHead(penalty=0.0),
             lambda: LogisticHead(iterations=0), lambda: RidgeHead(sharpness=0.0)]
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(UserError, match="head"):
        make()
