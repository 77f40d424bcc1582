"""Two teachers: the secret gets the answer of a network that knows nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import Refused
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction
from graphforget.unlearn import BadTeacher

LONG = BadTeacher(steps=100, learning_rate=0.01)


def test_the_secret_fades_and_the_rest_stays(secret):
    trained, nodes = secret.trained, secret.request.tensor
    after = LONG(trained, secret.request)
    chosen = [
        trained.task.response(model.model, trained.data, nodes).max(1).values.mean()
        for model in (trained, after)
    ]
    assert chosen[1] < chosen[0] - 0.1  # as undecided as an untrained network
    assert secret.accuracy(after) > secret.accuracy(trained) - 0.15


def test_forgotten_links_become_as_good_as_unknown(tiny_links):
    learner = CrossEntropy(GCN(16, dropout=0.0), epochs=100, weight_decay=0.0)
    trained = learner.fit(tiny_links, LinkPrediction(8), 0)
    request = ForgetRequest("edge", tiny_links.edge_index[:, ::60])
    asked = trained.task.forgotten_items(request, tiny_links)
    before, after = trained.response(asked), LONG(trained, request).response(asked)
    assert (after - 0.5).abs().mean() < (before - 0.5).abs().mean() - 0.02


def test_the_untrained_teacher_needs_a_learner(secret):
    with pytest.raises(Refused, match="without its learner"):
        BadTeacher()(replace(secret.trained, learner=None), secret.request)


def test_batches_of_a_large_graph_are_taught_in_turn(secret):
    batched = replace(secret.trained, learner=replace(secret.trained.learner, batch_nodes=20))
    after = BadTeacher(steps=3)(batched, secret.request)
    assert all(torch.isfinite(p).all() for p in after.model.parameters())
