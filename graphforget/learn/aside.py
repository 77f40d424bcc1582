"""Asking a network in the middle of its training, which goes on as if nothing had been asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def aside(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients for a block; modes and random generators come back as they were.

    Args:
        model: the network, in whatever mode; parts of it may be in different modes.

    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).train()
    >>> with aside(model):
    ...     model.training, model(torch.zeros(1, 2)).requires_grad
    (False, False)
    >>> model.training
    True
    """
    modes = {module: module.training for module in model.modules()}
    devices = {tensor.device for tensor in model.parameters() if tensor.is_cuda}
    with torch.random.fork_rng(devices=[device.index or 0 for device in devices]), torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training
