"""Collapse is seen, told and undone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.learn.erase.rank import RankMonitor, RankWatch, effective_rank


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_rank_counts_equal_directions(shape):
    z = torch.zeros(shape)
    z[torch.arange(6), torch.arange(6)] = 3.0
    assert effective_rank(z) == pytest.approx(6)
    assert effective_rank(z[:, :1] @ torch.ones(1, 5)) == pytest.approx(1, abs=1e-3)


def test_rank_of_what_is_not_finite_is_none():
    assert effective_rank(torch.full((3, 2), torch.nan)) == 0
    assert effective_rank(torch.zeros(3, 2)) == 0


def test_a_collapse_goes_back_to_the_weights_of_the_last_good_look():
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    seen = SimpleNamespace(z=torch.eye(4))
    trainer = SimpleNamespace(should_stop=False)
    watch = RankWatch(RankMonitor(every=2, patience=2), model, optimizer, seen, num_classes=4)

    def step(batch):
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        watch.on_train_batch_end(trainer, None, None, None, batch)

    step(0)
    step(1)
    good = model.weight.detach().clone()
    assert watch.rank == pytest.approx(4) and watch.returns == 0
    seen.z = torch.ones(4, 4)
    step(2)
    assert not torch.equal(model.weight, good)
    with pytest.warns(UserWarning, match="collapsed to an effective rank of 1.0"):
        step(3)
    assert torch.equal(model.weight, good) and optimizer.param_groups[0]["lr"] < 0.1
    assert optimizer.state[model.weight]["step"] == 2 and not trainer.should_stop
    with pytest.warns(UserWarning, match="training ends"):
        step(5)
    assert trainer.should_stop


@pytest.mark.parametrize("field", [{"every": 0}, {"slower": 0.0}, {"slower": 2.0}, {"patience": 0}])
def test_settings_out_of_range_are_refused(field):
    with pytest.raises(UserError, match="rank monitor"):
        RankMonitor(**field)
