"""Rewinding: the end of the training again, without the items."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import Refused
from graphforget.learn.state import part, restore_optimizer
from graphforget.learn.trainer import descend
from graphforget.unlearn import Rewind, Unlink


def test_it_goes_on_from_the_snapshot_for_the_remaining_epochs(secret):
    trained, learner = secret.trained, secret.trained.learner
    after = Rewind(share=0.25)(trained, secret.request, seed=2)
    taken = trained.snapshots[112]  # 75% of 150, rounded to even
    model = Unlink()(trained, secret.request).model
    model.load_state_dict(part(taken, "model"))
    optimizer = learner.optimizer(model.parameters())
    restore_optimizer(model, optimizer, part(taken, "optimizer"))
    descend(model, learner.objective(after.data, trained.task, 2), optimizer, 38, 2)
    for ours, theirs in zip(after.model.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_further_back_the_more_it_forgets(secret):
    near, far = (secret.belief(Rewind(s)(secret.trained, secret.request)) for s in (0.1, 0.5))
    assert secret.belief(secret.trained) > near > far


def test_without_a_snapshot_early_enough_it_refuses(secret):
    with pytest.raises(Refused, match="epochs kept: 75, 112, 135"):
        Rewind(share=0.9)(secret.trained, secret.request)
    with pytest.raises(Refused, match="epochs kept: none"):
        Rewind()(replace(secret.trained, snapshots={}), secret.request)
