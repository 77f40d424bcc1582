"""A benchmark small enough for tests: digits, a few epochs, three methods."""

from __future__ import annotations

import pytest

from experiments.benchmark import Benchmark
from experiments.forget_run import ForgetGrid
from experiments.settings import Links, Nodes
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.unlearn import Resume, Retrain, Unlink


def small(**change) -> ForgetGrid:
    choices = {
        "datasets": ("digits",),
        "setting": Nodes(),
        "learner": CrossEntropy(encoder=GCN(hidden=8), epochs=5),
        "requests": ("nodes:5%",),
        "unlearners": (Unlink(), Resume(share=0.4), Retrain()),
    }
    return ForgetGrid(**(choices | change))


@pytest.fixture
def tiny_benchmark() -> Benchmark:
    grids = (small(), small(setting=Links(out_channels=8), requests=("edges:2%",)))
    return Benchmark("tiny", "for tests", {"smoke": grids})
