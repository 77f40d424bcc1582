"""Where a verb computes: the CPU unless a graphics processor is asked for."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from jsonargparse import ArgumentParser
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.trained import Trained


def add_device(options: ArgumentParser) -> None:
    """Give a verb the option ``--device``."""
    options.add_argument(
        "--device", type=str, default="cpu", help="cpu, cuda or cuda:0 and so on: where to compute"
    )


def device_named(text: str) -> torch.device:
    """The device that ``--device`` names.

    Raises:
        UserError: for another text, or a processor that is not there.

    >>> device_named("cpu")
    device(type='cpu')
    """
    found = re.fullmatch(r"cpu|cuda(?::(\d{1,3}))?", text)
    if found is None:
        raise UserError(f"--device: wanted cpu, cuda or cuda:0 and so on, got {text!r}")
    if text == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UserError(
            f"--device {text}: torch finds no CUDA device here; leave --device out, or install a "
            "torch that is built for CUDA"
        )
    if int(found[1] or 0) >= torch.cuda.device_count():
        raise UserError(f"--device {text}: there are {torch.cuda.device_count()}, counted from 0")
    return torch.device(text)


def placed(trained: Trained, device: torch.device) -> Trained:
    """The run with its model, graph and states on a device; ``trained`` is left where it is."""
    if device.type == "cpu":  # where runs are read to
        return trained
    return replace(
        trained,
        model=copy.deepcopy(trained.model).to(device),
        data=copy.copy(trained.data).to(device),
        optimizer=_on(trained.optimizer, device),
        snapshots={epoch: _on(taken, device) for epoch, taken in trained.snapshots.items()},
    )


def _on(tensors: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """States on a device, but for step counts, which torch keeps on the CPU."""
    return {name: value if name.endswith(".step") else value.to(device)
            for name, value in tensors.items()}
