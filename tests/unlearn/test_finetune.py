"""Fine-tuning: the objective goes on, the optimiser starts anew."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.learn.trainer import descend
from graphforget.unlearn import FineTune, Unlink


def test_it_is_the_objective_on_the_retained_data(secret):
    trained, learner = secret.trained, secret.trained.learner
    after = FineTune(share=0.05)(trained, secret.request, seed=1)
    model = Unlink()(trained, secret.request).model
    objective = learner.objective(after.data, trained.task, 1)
    descend(model, objective, learner.optimizer(model.parameters()), 8, 1)  # ceil(.05 * 150)
    for ours, theirs in zip(after.model.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert float(after.optimizer["convs.0.lin.weight.step"]) == 8


def test_it_forgets_more_the_longer_it_runs(secret):
    beliefs = [secret.belief(FineTune(share)(secret.trained, secret.request)) for share in (0.1, 1)]
    assert secret.belief(secret.trained) > beliefs[0] + 0.1 > beliefs[1] + 0.2


@pytest.mark.parametrize("share", [0, -1, 1.1, float("nan")])
def test_shares_outside_the_training_are_refused(share):
    with pytest.raises(UserError, match="share"):
        FineTune(share)
