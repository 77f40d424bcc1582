"""Forgetting in recommenders: users and interactions, by every method that fits the model.

Random items are the easy case: core users and memorised pairs stand beside them. Single runs are
judged against two retrained models; what tells a method from retraining in samples of models is
measured by `benchmarks.recsys`.
"""

from __future__ import annotations

from dataclasses import replace

from experiments.benchmark import Benchmark
from experiments.recsys_forget_run import RecsysForgetGrid
from experiments.recsys_methods import LEARNERS, SHARDED, SNAPSHOTS, methods_for
from graphforget.unlearn import Retrain
from recsys.learn.bpr import BPRMF
from recsys.learn.ease import EASE
from recsys.unlearn import SISA, SSD, BoundedAscent, EASEDeletion, RecEraser
from recsys.unlearn.aggregate import Attention
from recsys.unlearn.partition import HashedUsers, SimilarUsers

REQUESTS = ("users:1", "users:1%", "users:5%", "users:5%:core", "interactions:2%")
MEMORISED = ("interactions:2%:memorised",)

FULL = (
    *(
        RecsysForgetGrid(
            datasets=("ml-100k",),
            learner=learner,
            requests=REQUESTS + (MEMORISED if learner.descends else ()),
            unlearners=(Retrain(), *methods_for(learner).values()),
            seeds=(0, 1, 2),
        )
        for learner in LEARNERS.values()
    ),
    *(
        RecsysForgetGrid(
            datasets=("ml-100k",),
            learner=learner,
            requests=("users:1", "users:5%", "users:5%:core"),
            unlearners=(learner,),
            seeds=(0, 1, 2),
            whole=LEARNERS["BPR-MF"],
        )
        for learner in SHARDED.values()
    ),
)

_SMALL = BPRMF(width=16, epochs=3, batch_size=4096, learning_rate=0.02, snapshots=SNAPSHOTS)
_SHARD = replace(_SMALL, snapshots=())
_HASHED = SISA(_SHARD, HashedUsers(4))
_CLUSTERS = RecEraser(_SHARD, SimilarUsers(4, rounds=5), Attention(epochs=1, batch_size=8192))

SMOKE = (
    RecsysForgetGrid(
        datasets=("ml-100k",),
        learner=_SMALL,
        requests=("users:5%", "interactions:2%"),
        unlearners=(Retrain(), BoundedAscent(steps=5), SSD(batches=8)),
    ),
    RecsysForgetGrid(
        datasets=("ml-100k",), learner=EASE(), requests=("users:1",), unlearners=(EASEDeletion(),)
    ),
    RecsysForgetGrid(
        datasets=("ml-100k",), learner=_HASHED, requests=("users:1",), unlearners=(_HASHED,)
    ),
    RecsysForgetGrid(
        datasets=("ml-100k",), learner=_CLUSTERS, requests=("users:1",), unlearners=(_CLUSTERS,)
    ),
)

BENCHMARK = Benchmark(
    name="recsys_unlearning",
    about="every unlearner of recommenders on users and interactions, judged against retraining",
    sizes={"smoke": SMOKE, "full": FULL},
)
