"""Unlinking keeps every weight, and with it what the weights know."""

from __future__ import annotations

import torch

from graphforget.unlearn import Unlink


def test_weights_stay_and_so_does_the_secret(secret):
    after = Unlink()(secret.trained, secret.request)
    for old, new in zip(secret.trained.model.parameters(), after.model.parameters(), strict=True):
        assert torch.equal(old, new) and old is not new
    assert secret.belief(after) > 0.9
