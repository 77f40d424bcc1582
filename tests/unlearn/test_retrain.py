"""Retraining does not know what was forgotten."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import Refused
from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn import FineTune, GNNDelete, Retrain


def test_the_secret_was_there_and_is_gone(secret):
    after = Retrain()(secret.trained, secret.request)
    assert secret.belief(secret.trained) > 0.9
    assert secret.belief(after) < 0.1
    assert secret.accuracy(after) > 0.9


def test_it_is_the_learner_on_the_retained_data(secret):
    after = Retrain()(secret.trained, secret.request, seed=3)
    learner, task = secret.trained.learner, secret.trained.task
    direct = learner.fit(secret.request.retained(secret.trained.data), task, seed=3)
    for ours, theirs in zip(after.model.parameters(), direct.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert after.seed == 3 and after.snapshots.keys() == direct.snapshots.keys()


def test_it_needs_a_learner(secret):
    trained = secret.trained
    bare = Trained.wrap(trained.model, trained.data, trained.task)
    with pytest.raises(Refused, match="pass learner="):
        Retrain()(bare, secret.request)


def test_it_needs_something_to_learn_from(secret):
    everything = ForgetRequest("node", secret.trained.data.train_mask.nonzero().flatten())
    for method in (Retrain(), FineTune()):
        with pytest.raises(Refused, match="no training example is left"):
            method(secret.trained, everything)


def test_operators_of_earlier_requests_are_gone(secret, tmp_path):
    first = GNNDelete(steps=2)(secret.trained, ForgetRequest("node", [8]))
    after = Retrain()(first, secret.request)
    after.save(tmp_path / "run")
    assert type(Trained.load(tmp_path / "run").model) is type(secret.trained.model)
    assert [step.kind for step in after.history] == ["node", "node"]
