"""In turns away from the original on the secret and back to it on the rest."""

from __future__ import annotations

from dataclasses import replace

import torch

from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction
from graphforget.unlearn import SCRUB


def divergence(trained, after, items):
    task, data = trained.task, trained.data
    with torch.no_grad():
        old, new = (task.logits(model.model, data, items) for model in (trained, after))
        return float(task.divergence(old, new).mean())


def test_it_moves_the_secret_more_than_the_rest(secret):
    after = SCRUB()(secret.trained, secret.request)
    rest = secret.trained.task.train_items(after.data)
    moved = divergence(secret.trained, after, secret.request.tensor)
    assert moved > 1.5 * divergence(secret.trained, after, rest)
    assert secret.accuracy(after) > 0.8


def test_steps_away_are_what_moves_it(secret):
    nodes = secret.request.tensor
    moved = [
        divergence(secret.trained, SCRUB(max_rounds=m)(secret.trained, secret.request), nodes)
        for m in (0, 5, 15)
    ]
    assert moved[0] < moved[1] < moved[2]


def test_there_are_no_more_rounds_than_asked_for(secret):
    nodes = secret.request.tensor
    few, more = (
        SCRUB(rounds=2, max_rounds=m)(secret.trained, secret.request) for m in (2, 15)
    )
    assert divergence(secret.trained, few, nodes) == divergence(secret.trained, more, nodes)


def test_links_too(tiny_links):
    learner = CrossEntropy(GCN(16, dropout=0.0), epochs=100, weight_decay=0.0)
    trained = learner.fit(tiny_links, LinkPrediction(8), 0)
    request = ForgetRequest("edge", tiny_links.edge_index[:, ::60])
    asked = trained.task.forgotten_items(request, tiny_links)
    after = SCRUB(rounds=5)(trained, request)
    assert divergence(trained, after, asked) > 0
    assert trained.task.evaluate(after.model, after.data)["test_auc"] > 0.6


def test_batches_without_a_training_node_do_no_harm(secret):
    batched = replace(secret.trained, learner=replace(secret.trained.learner, batch_nodes=4))
    after = SCRUB(rounds=15)(batched, secret.request)
    assert all(torch.isfinite(p).all() for p in after.model.parameters())
