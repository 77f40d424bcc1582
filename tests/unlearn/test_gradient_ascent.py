"""Ascent raises the forgotten loss, and in the end every other loss with it."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import Refused
from graphforget.request import ForgetRequest
from graphforget.unlearn import GradientAscent


def loss(model, trained, items):
    task, data = trained.task, trained.data
    with torch.no_grad():
        return float(task.example_loss(task.logits(model.model, data, items), data, items).mean())


def test_it_raises_the_forgotten_loss(secret):
    nodes = secret.request.tensor
    losses = [
        loss(GradientAscent(steps)(secret.trained, secret.request), secret.trained, nodes)
        for steps in (10, 50)
    ]
    assert loss(secret.trained, secret.trained, nodes) < losses[0] < losses[1]


def test_without_end_it_destroys_the_model(secret):
    after = GradientAscent(steps=100, learning_rate=0.05)(secret.trained, secret.request)
    assert secret.accuracy(after) < secret.accuracy(secret.trained) - 0.2


def test_only_what_training_used_can_be_unlearned(secret):
    with pytest.raises(Refused, match="training used none"):
        GradientAscent()(secret.trained, ForgetRequest("node", [19]))  # a test node
