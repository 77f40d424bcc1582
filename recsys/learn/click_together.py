"""Several optimisers that step as one, since a Trainer that unscales gradients wants one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim import Optimizer


class Together(Optimizer):
    """Steps several optimisers, one after the other, on one gradient.

    Args:
        parts: optimisers of different parameters; their groups are the groups of this one.

    >>> w, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    >>> both = Together([torch.optim.SGD([w], lr=0.1), torch.optim.SGD([b], lr=0.5)])
    >>> (w + b).backward()
    >>> both.step()
    >>> round(w.item(), 6), b.item()
    (0.9, 0.5)
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        groups = [group for part in parts for group in part.param_groups]
        super().__init__([group["params"][0] for group in groups], {})
        self.parts = tuple(parts)
        self.param_groups = groups  # the same objects: a schedule of the learning rate reaches them

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every part."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of all parts."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]
