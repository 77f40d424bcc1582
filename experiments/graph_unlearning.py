"""Graph unlearning: every method on every kind of request, node classification and links.

Random items are the easy case, so each kind has its hard forget sets beside them: hubs, bridges
and what was memorised (d2dgn.md sections 7 and 9).
"""

from __future__ import annotations

from experiments.benchmark import Benchmark
from experiments.forget_run import ForgetGrid
from experiments.methods import exported, with_budgets
from experiments.settings import Links, Nodes
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN

BUDGETS = (0.02, 0.05, 0.1)
SNAPSHOTS = (0.5, 0.75, 0.9, 0.95, 0.98)
"""Shares of the training at which originals keep a snapshot: Rewind has one for each budget."""

NODE_REQUESTS = (
    "nodes:5%",
    "nodes:5%:hub",
    "nodes:5%:memorised",
    "class:0",
    "features:5%",
    "edges:2.5%",
    "edges:2.5%:hub",
    "edges:2.5%:bridge",
)
LINK_REQUESTS = (
    "edges:2.5%:in",
    "edges:2.5%:out",
    "edges:2.5%:hub",
    "edges:2.5%:bridge",
    "edges:2.5%:memorised",
    "nodes:1%",
    "features:1%",
)

_NODES = CrossEntropy(encoder=GCN(hidden=64, dropout=0.0), epochs=200, snapshots=SNAPSHOTS)
_LINKS = CrossEntropy(  # the published setting: GCN 128-64 without dropout or weight decay
    encoder=GCN(hidden=128, dropout=0.0),
    epochs=2000,
    learning_rate=1e-3,
    weight_decay=0.0,
    snapshots=SNAPSHOTS,
)
_SMALL = CrossEntropy(encoder=GCN(hidden=32), epochs=100, snapshots=SNAPSHOTS)

FULL = (
    ForgetGrid(
        datasets=("cora", "citeseer", "photo", "pubmed", "cs"),
        setting=Nodes(),
        learner=_NODES,
        requests=NODE_REQUESTS,
        unlearners=with_budgets(exported(), BUDGETS, _NODES.epochs),
        seeds=(0, 1, 2, 3, 4),
    ),
    ForgetGrid(
        datasets=("cora", "pubmed"),
        setting=Links(),
        learner=_LINKS,
        requests=LINK_REQUESTS,
        unlearners=with_budgets(exported(), BUDGETS, _LINKS.epochs),
        seeds=(0, 1, 2),
    ),
)

SMOKE = (
    ForgetGrid(
        datasets=("digits",),
        setting=Nodes(normalise=False),
        learner=_SMALL,
        requests=("edges:2.5%:in", "nodes:5%:hub", "nodes:5%:memorised", "features:5%", "class:0"),
        unlearners=with_budgets(exported(), (0.1,), _SMALL.epochs, defaults=False),
    ),
    ForgetGrid(
        datasets=("digits",),
        setting=Links(out_channels=16, normalise=False),
        learner=_SMALL,
        requests=("edges:10:out", "edges:2.5%:bridge"),
        unlearners=with_budgets(exported(), (0.1,), _SMALL.epochs, defaults=False),
    ),
)

BENCHMARK = Benchmark(
    name="graph_unlearning",
    about="every unlearner on edge, node, feature and class requests, judged against retraining",
    sizes={"smoke": SMOKE, "full": FULL},
)
