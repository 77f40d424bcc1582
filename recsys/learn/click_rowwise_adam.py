"""Adam over the rows of an embedding that a batch touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from recsys.learn.click_spread_adam import touched_rows


class RowwiseAdam(Optimizer):
    """Adam (Kingma & Ba 2015) on the rows that have a gradient; the others and their moments rest.

    The bias correction counts steps, not visits of a row, as in torch's `SparseAdam`; unlike that,
    it is Adam to the letter where every row is touched, and it passes over the rows fewer times.

    Args:
        parameters: embeddings, shape ``(N, d)``, whose gradients are sparse in the first dimension.
        lr: step size.
        betas: decay of the two moments.
        eps: added to the root of the second moment.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move the rows that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)
        return loss

    def _move(self, weight: nn.Parameter, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = 0
            state["moments"] = weight.new_zeros(weight.size(0), 2, weight.size(1))
        state["step"] += 1
        (first, second), step, moments = group["betas"], state["step"], state["moments"]
        rows, gradient = touched_rows(weight.grad)  # type: ignore[arg-type]
        moment = moments.index_select(0, rows)
        mean, square = moment[:, 0], moment[:, 1]
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        moments.index_copy_(0, rows, moment)
        correction = (1 - second**step) ** 0.5
        change = mean / square.sqrt().add_(group["eps"] * correction)
        pace = group["lr"] * correction / (1 - first**step)
        weight.index_copy_(0, rows, weight.index_select(0, rows).sub_(change, alpha=pace))
