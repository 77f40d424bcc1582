"""The recommenders that are forgotten from, and the methods that fit each."""

from __future__ import annotations

from graphforget.protocols import Learner, Unlearner
from graphforget.unlearn import D2DGN, FineTune, Resume, Rewind
from recsys.learn.bpr import BPRMF
from recsys.learn.ease import EASE
from recsys.learn.lightgcn import LightGCN
from recsys.unlearn import (
    SISA,
    SSD,
    BoundedAscent,
    EASEDeletion,
    Influence,
    RecEraser,
    ReverseBPR,
    SalUn,
    UltraRE,
)
from recsys.unlearn.aggregate import Attention, MeanScore, TaughtScore
from recsys.unlearn.partition import HashedInteractions, SimilarInteractions
from recsys.unlearn.sharded import Sharded

SNAPSHOTS = (0.2, 0.4, 0.6, 0.8)
"""Shares of the training at which originals keep a snapshot, for Rewind."""

LEARNERS: dict[str, Learner] = {
    "EASE": EASE(),
    "BPR-MF": BPRMF(snapshots=SNAPSHOTS),
    "LightGCN": LightGCN(snapshots=SNAPSHOTS),
}

SHARDED: dict[str, Sharded] = {
    "SISA users": SISA(),
    "SISA users, mean": SISA(aggregator=MeanScore()),
    "SISA users, attention": SISA(aggregator=Attention()),
    "SISA interactions, attention": SISA(
        partition=HashedInteractions(), aggregator=Attention()
    ),
    "RecEraser UBP": RecEraser(),
    "RecEraser UBP, own shard": RecEraser(aggregator=TaughtScore()),
    "RecEraser IBP": RecEraser(partition=SimilarInteractions()),
    "UltraRE": UltraRE(),
}

BY_DESCENT: dict[str, Unlearner] = {
    "FineTune 10%": FineTune(share=0.1),
    "FineTune 30%": FineTune(share=0.3),
    "Resume 10%": Resume(share=0.1),
    "Rewind 20%": Rewind(share=0.2),
    "Rewind 60%": Rewind(share=0.6),
    "Rewind 80%": Rewind(share=0.8),
    "D2DGN": D2DGN(),
    "GA 6": BoundedAscent(steps=6),
    "GA 20": BoundedAscent(steps=20),
    "reverse BPR 6": ReverseBPR(steps=6),
    "reverse BPR 20": ReverseBPR(steps=20),
    "SalUn": SalUn(),
    "SSD": SSD(),
    "influence": Influence(),
}


def methods_for(learner: Learner) -> dict[str, Unlearner]:
    """The methods that fit models of a learner, by the names that tables have."""
    if isinstance(learner, EASE):
        return {"EASEDeletion": EASEDeletion()}
    return {type(learner).__name__: learner} if isinstance(learner, Sharded) else BY_DESCENT
