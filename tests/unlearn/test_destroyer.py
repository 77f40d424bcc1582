"""Destroyers do not show by what they leave out what they were told to forget."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch_geometric.data import Data

from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction
from graphforget.trained import Trained
from graphforget.unlearn.d2dgn import NonEdge


@dataclass(frozen=True)
class Witness(CrossEntropy):
    """Keeps the graphs that it is asked to train on."""

    seen = []

    def fit(self, data: Data, task: LinkPrediction, seed: int) -> Trained:
        self.seen.append(data)
        return Trained(self.build(data, task, seed), data, task, self, seed)


def test_non_edges_do_not_steer_around_the_forgotten():
    """In a full graph the forgotten edges are the only non-edges there are."""
    pairs = torch.combinations(torch.arange(12)).t()
    data = Data(x=torch.eye(12), edge_index=torch.cat([pairs, pairs.flip(0)], dim=1))
    learner, task = Witness(GCN(hidden=4), epochs=1), LinkPrediction(4)
    trained = Trained(learner.build(data, task, 0), data, task, learner)
    request = ForgetRequest("edge", pairs[:, :30])
    NonEdge().network(trained, request.retained(data), seed=0)
    drawn = learner.seen[-1].edge_index
    assert drawn.size(1) > 0
    gone = set(request.index)
    assert all((min(pair), max(pair)) in gone for pair in drawn.t().tolist())
