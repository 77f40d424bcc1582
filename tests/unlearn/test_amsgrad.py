"""Where the learner's Adam keeps the largest second moment, Newton goes by that one."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.task import NodeClassification
from graphforget.unlearn import D2DGN, Resume
from graphforget.unlearn.d2dgn.newton import second_moment


@dataclass(frozen=True)
class Largest(CrossEntropy):
    """Trains with AMSGrad (Reddi et al., ICLR 2018)."""

    def optimizer(self, parameters):
        return torch.optim.Adam(parameters, self.learning_rate, amsgrad=True)


def test_the_largest_second_moment_is_taken_and_handed_on(secret):
    learner = Largest(GCN(hidden=8), epochs=20)
    trained = learner.fit(secret.trained.data, NodeClassification(3), seed=0)
    steps = 20.0
    for (name, _), found in zip(
        trained.model.named_parameters(), second_moment(trained.model, trained), strict=True
    ):
        largest = trained.optimizer[f"{name}.max_exp_avg_sq"]
        assert torch.allclose(found, (largest / (1 - 0.999**steps)).sqrt() + 1e-6)
        assert bool((largest >= trained.optimizer[f"{name}.exp_avg_sq"]).all())
    after = D2DGN()(trained, secret.request)
    assert set(after.optimizer) == set(trained.optimizer)
    Resume()(after, type(secret.request)("node", [8]))  # whose optimiser can be restored
