"""Optimiser states and snapshots as flat dictionaries of tensors, so that they fit safetensors.

Keys are ``"<parameter>.<entry>"``, such as ``convs.0.lin.weight.exp_avg_sq``. Names, not
positions, tie a state to its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from graphforget._lightning import pl


def optimizer_state(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """A copy of the optimiser's state, one tensor an entry and parameter."""
    return {
        f"{name}.{entry}": torch.as_tensor(value).detach().clone()
        for name, parameter in model.named_parameters()
        for entry, value in optimizer.state.get(parameter, {}).items()
        if value is not None
    }


def restore_optimizer(model: nn.Module, optimizer: Optimizer, state: Mapping[str, Tensor]) -> None:
    """Put a state made by `optimizer_state` into a fresh optimiser over the same parameters.

    AMSGrad's largest second moment starts from the second moment where the state has none.
    """
    amsgrad = any(group.get("amsgrad") for group in optimizer.param_groups)
    for name, parameter in model.named_parameters():
        prefix = f"{name}."
        entries = {
            key.removeprefix(prefix): _placed(value, key, parameter)
            for key, value in state.items()
            if key.startswith(prefix) and "." not in key.removeprefix(prefix)
        }
        if amsgrad and "exp_avg_sq" in entries:
            entries.setdefault("max_exp_avg_sq", entries["exp_avg_sq"].clone())
        if entries:
            optimizer.state[parameter] = entries


def made_since(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], second: float
) -> dict[str, Tensor]:
    """Adam's state with only what the steps between two states have put into it.

    The second moment is a sum over steps in which older ones fade, so what was there before can be
    taken off; what is left is that of an optimiser which was new then. The first moment, of which
    nothing lasts, starts from zero.

    Args:
        before: the older state.
        after: the newer one, of the same parameters; any but Adam's gives an empty state.
        second: decay of the second moment, Adam's second beta.

    >>> old = {"w.step": torch.tensor(1.0), "w.exp_avg_sq": torch.tensor([8.0])}
    >>> new = {"w.step": torch.tensor(2.0), "w.exp_avg_sq": torch.tensor([5.0])}
    >>> made_since(old, new, second=0.5)["w.exp_avg_sq"]
    tensor([1.])
    """
    state: dict[str, Tensor] = {}
    for key in after:
        name, entry = key.rsplit(".", 1)
        if entry != "exp_avg_sq" or f"{name}.step" not in after:
            continue
        squares, steps = after[key], after[f"{name}.step"]
        if key in before and f"{name}.step" in before:
            steps = steps - before[f"{name}.step"]
            squares = squares - second ** float(steps) * before[key].to(squares.device)
        squares = squares.clamp(min=0)
        state |= {f"{name}.step": steps.clone(), f"{name}.exp_avg": torch.zeros_like(squares)}
        state[key] = squares
        if f"{name}.max_exp_avg_sq" in after:
            state[f"{name}.max_exp_avg_sq"] = squares.clone()
    return state


def _placed(value: Tensor, key: str, parameter: Tensor) -> Tensor:
    """A copy on the parameter's device; step counts stay where they are, as torch keeps them."""
    device = value.device if key.endswith(".step") else parameter.device
    return value.detach().to(device, copy=True)


def snapshot(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Weights and optimiser state in one flat dictionary, under ``model.`` and ``optimizer.``."""
    weights = {f"model.{key}": value.detach().clone() for key, value in model.state_dict().items()}
    state = optimizer_state(model, optimizer)
    return weights | {f"optimizer.{key}": value for key, value in state.items()}


def part(taken: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """One part of a snapshot, ``model`` or ``optimizer``, with the prefix taken off."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in taken.items() if k.startswith(prefix)}


class Snapshots(pl.Callback):
    """Keeps weights and optimiser state after the given steps.

    Args:
        model: the network in training.
        optimizer: its optimiser.
        names: step count -> name under which to keep the snapshot.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, names: Mapping[int, int]) -> None:
        self.taken: dict[int, dict[str, Tensor]] = {}
        self._model, self._optimizer, self._names = model, optimizer, dict(names)

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the snapshot if it is due."""
        if batch_idx + 1 in self._names:
            name = self._names[batch_idx + 1]
            self.taken[name] = snapshot(self._model, self._optimizer)
