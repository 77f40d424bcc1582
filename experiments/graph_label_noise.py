"""Learning from graphs with wrong labels: ERASE and its rivals on the same draws of noise.

The epoch is chosen by validation labels that are as noisy as the training labels; the last epoch
is scored beside it. Cora and CiteSeer take the first three draws from those behind the reference
figures (erase_graph.md 5.2), so that both can be compared draw by draw.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from experiments.benchmark import Benchmark
from experiments.noise_draws import Fresh, Kept
from experiments.noise_run import NoiseGrid
from experiments.settings import PublicNodes
from graphforget.data.noise import Asymmetric, LabelNoise, Symmetric
from graphforget.learn import (
    APL,
    ERASE,
    GCE,
    PIGNN,
    BackwardCorrection,
    CoTeaching,
    CrossEntropy,
    ForwardCorrection,
    LabelPropagation,
    LabelSmoothing,
    SemanticCrossEntropy,
    TruncatedGCE,
)
from graphforget.learn.erase import PUBLISHED
from graphforget.nn import GAT, GCN
from graphforget.protocols import Learner

RATES = (0.1, 0.2, 0.3, 0.4, 0.5)
KEPT_SEEDS = (123, 223, 323)
FRESH_SEEDS = (423, 523)
NOISES: tuple[LabelNoise, ...] = tuple(
    kind(rate) for kind in (Asymmetric, Symmetric) for rate in RATES
)

CONSTANTS = {  # erase_graph.md 1.5: gamma2, eps, beta, steps; the other graphs take Cora's
    "cora": (2.0, 0.05, 0.6, 5),
    "citeseer": (2.0, 0.4, 0.7, 4),
    "pubmed": (3.0, 0.05, 0.6, 3),
    "cora_ml": (2.0, 0.05, 0.6, 5),
    "photo": (2.0, 0.05, 0.6, 5),
}

_PLAIN = CrossEntropy(encoder=GCN(hidden=64, dropout=0.5), best=True, snapshots=())
_GAT = replace(_PLAIN, encoder=GAT(hidden=64, dropout=0.6, heads=8), learning_rate=0.005)


def as_trained(method: type[CrossEntropy], like: CrossEntropy = _PLAIN, **own: Any) -> CrossEntropy:
    """A method at its own defaults, with the encoder and the training of another learner."""
    usual = {field.name: getattr(like, field.name) for field in fields(CrossEntropy)}
    return method(**usual | own)


RIVALS: tuple[type[CrossEntropy], ...] = (
    LabelSmoothing, GCE, TruncatedGCE, APL, ForwardCorrection, BackwardCorrection, CoTeaching,
    LabelPropagation, PIGNN,
)


STEADY = ERASE(evaluation_labels=True, label_momentum=0.9, average=0.95)
"""Labels from an eval-mode pass of averaged weights, smoothed over steps; averaged at the end."""


def own_constants(dataset: str) -> tuple[Learner, ...]:
    """The methods that were published with constants of their own for each graph."""
    gamma2, eps, beta, steps = CONSTANTS[dataset]

    def with_constants(learner: ERASE) -> ERASE:
        labels = replace(learner.labels, beta=beta, steps=steps)
        coding = replace(learner.coding, gamma2=gamma2, eps=eps)
        return replace(learner, labels=labels, coding=coding, snapshots=())

    labels = replace(PUBLISHED.labels, beta=beta, steps=steps)
    return (
        as_trained(SemanticCrossEntropy, labels=labels),
        with_constants(PUBLISHED),
        with_constants(ERASE()),
        with_constants(STEADY),
    )


OWN = {dataset: own_constants(dataset) for dataset in CONSTANTS}
SAME: tuple[Learner, ...] = (
    _PLAIN, _GAT, *(as_trained(method) for method in RIVALS)
)
LEARNERS = {"": SAME} | OWN

FULL = (
    NoiseGrid(("cora", "citeseer"), NOISES, LEARNERS, draws=Kept(), seeds=KEPT_SEEDS),
    NoiseGrid(("cora", "citeseer"), NOISES, LEARNERS, draws=Fresh(), seeds=FRESH_SEEDS),
    NoiseGrid(
        ("cora_ml", "photo", "pubmed"), NOISES, LEARNERS, seeds=(*KEPT_SEEDS, *FRESH_SEEDS)
    ),
)

PART = tuple(
    replace(grid, noises=(Asymmetric(0.3), Symmetric(0.3)), seeds=grid.seeds[:2])
    for grid in (FULL[0], FULL[2])
)
"""A part of the full runs that two cores can do in some hours."""

_QUICK = replace(_PLAIN, encoder=GCN(hidden=16, dropout=0.5), epochs=30)
SMOKE = (
    NoiseGrid(
        ("digits",),
        (Asymmetric(0.3), Symmetric(0.3)),
        {"": (
            _QUICK,
            *(as_trained(method, _QUICK) for method in RIVALS),
            as_trained(SemanticCrossEntropy, _QUICK, warm_up=10),
            replace(ERASE(), width=32, epochs=30, snapshots=()),
        )},
        setting=PublicNodes(per_class=8, val=200, normalise=False),
    ),
)

BENCHMARK = Benchmark(
    name="graph_label_noise",
    about="ERASE and other robust learners on graphs with wrong labels, the same draws for all",
    sizes={"smoke": SMOKE, "part": PART, "full": FULL},
)
