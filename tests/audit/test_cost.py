"""Costs are measured where they arise, and relearning counts steps."""

from __future__ import annotations

import time

import torch

from graphforget.audit import Meter
from graphforget.audit.relearn import steps_to_relearn
from graphforget.task import NodeClassification


def test_waiting_costs_time_but_no_processor():
    with Meter() as meter:
        time.sleep(0.1)
    assert meter.cost.seconds >= 0.1
    assert meter.cost.cpu_seconds < 0.09


def test_peak_memory_is_seen_even_if_it_is_given_back():
    with Meter() as meter:
        block = torch.ones(64, 2**20 // 4)
        time.sleep(0.05)
        del block
    assert 40 < meter.cost.peak_mb < 200


def test_cost_of_a_failure_is_kept_and_the_failure_too():
    meter = Meter()
    try:
        with meter:
            raise KeyError("x")
    except KeyError:
        pass
    assert meter.cost.seconds >= 0


def test_what_is_known_is_relearned_at_once(noisy_graph, learner, node_request):
    task = NodeClassification(3)
    model = learner.fit(noisy_graph, task, 0).model
    fresh = learner.build(noisy_graph, task, 1)
    weights = [parameter.clone() for parameter in model.parameters()]
    items = node_request.tensor
    ask = {"data": noisy_graph, "labelled": noisy_graph, "task": task, "items": items}
    margin = float(
        task.margin(task.logits(model, noisy_graph, items).detach(), noisy_graph, items).mean()
    )
    assert steps_to_relearn(model, margin=margin, **ask) == 0
    assert steps_to_relearn(fresh, margin=margin, **ask) > 10
    assert steps_to_relearn(fresh, margin=1e9, at_most=7, **ask) == 7
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
