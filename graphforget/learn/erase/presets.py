"""Settings of ERASE that have a name."""

from __future__ import annotations

from graphforget.learn.erase.head import LogisticHead
from graphforget.learn.erase.learner import ERASE
from graphforget.learn.erase.objective import CodingRate
from graphforget.learn.operators import ColumnNormalised, Symmetric
from graphforget.learn.semantic import SemanticLabels
from graphforget.nn import NormalisedGAT

PUBLISHED = ERASE(
    encoder=NormalisedGAT(hidden=256, layers=2, dropout=0.0, heads=8, slope=0.01),
    width=512,
    unit_features=True,
    input_dropout=0.5,
    order=1,
    labels=SemanticLabels(
        alpha=0.6, beta=0.6, steps=5, anchor=False, operator=ColumnNormalised(), within=True,
        softmax=True, seeds_only=False,
    ),
    coding=CodingRate(gamma1=1.0, gamma2=2.0, eps=0.05),
    cross_entropy=0.0,
    warm_up=0,
    evaluation_labels=False,
    label_momentum=0.0,
    average=0.0,
    head=LogisticHead(every=1, all_nodes=False, penalty=1.0, iterations=1000),
    rank=None,
    epochs=400,
    patience=150,
    best=True,
    learning_rate=1e-3,
    weight_decay=5e-4,
    batch_nodes=0,
)
"""As published for small graphs, with the constants of Cora (erase_graph.md 1.5).

Two things differ: the epoch is chosen by the validation labels in the data, which may be wrong,
and nodes with neither features nor edges are left out of the loss.
"""

PUBLISHED_LARGE = ERASE(
    encoder=NormalisedGAT(hidden=64, layers=2, dropout=0.0, heads=8, slope=0.0),
    width=512,
    unit_features=False,
    input_dropout=0.0,
    order=2,
    labels=SemanticLabels(
        alpha=0.5, beta=0.6, steps=50, anchor=True, operator=Symmetric(), within=False,
        softmax=False, seeds_only=True,
    ),
    coding=CodingRate(gamma1=1.0, gamma2=2.0, eps=0.05),
    head=LogisticHead(iterations=500),
    rank=None,
    epochs=5,
    patience=0,
    best=True,
    learning_rate=1e-2,
    weight_decay=5e-4,
    batch_nodes=4096,
)
"""As published for ogbn-arxiv (erase_graph.md 1.7), with alpha weighing self as everywhere here.

Batches are those of `graphforget.data.node_batches`, of about as many nodes as 200 seeds with
their sampled neighbours made there, and Adam is AMSGrad here too.
"""
