"""Which Adam moves the weights: every row of the table at every step, or the touched ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import nn
from torch.optim import Adam, Optimizer

from graphforget.core.errors import UserError
from recsys.learn.click_rowwise_adam import RowwiseAdam
from recsys.learn.click_spread_adam import SpreadAdam
from recsys.learn.click_together import Together


class ClickOptimizer(ABC):
    """The recipe of an optimiser for a click model. Subclasses are frozen dataclasses."""

    lazy: ClassVar[bool]
    """Whether rows that a batch did not touch keep still, so that it needs sparse gradients."""

    @abstractmethod
    def build(
        self,
        table: nn.Parameter,
        others: Sequence[nn.Parameter],
        learning_rate: float,
        weight_decay: float,
    ) -> Optimizer:
        """A fresh optimiser.

        Args:
            table: the embedding, shape ``(N, d)``.
            others: all other parameters.
            learning_rate: of all of them.
            weight_decay: L2 penalty on all of them.
        """


@dataclass(frozen=True)
class DenseAdam(ClickOptimizer):
    """Adam on all weights, as the published benchmark has it; a step costs what the table holds.

    Rows that a batch did not touch still drift with their momentum.
    """

    lazy: ClassVar[bool] = False

    def build(
        self,
        table: nn.Parameter,
        others: Sequence[nn.Parameter],
        learning_rate: float,
        weight_decay: float,
    ) -> Optimizer:
        return SpreadAdam(
            [table, *others], lr=learning_rate, weight_decay=weight_decay, fused=True
        )


@dataclass(frozen=True)
class LazyAdam(ClickOptimizer):
    """Adam that moves only the rows of the table that the batch touched; the rest is as ever.

    A step costs what the batch touches. That is another algorithm than `DenseAdam`: rows keep
    still between batches, and their moments do not decay. State it with results.
    """

    lazy: ClassVar[bool] = True

    def build(
        self,
        table: nn.Parameter,
        others: Sequence[nn.Parameter],
        learning_rate: float,
        weight_decay: float,
    ) -> Optimizer:
        if weight_decay:
            raise UserError(
                f"LazyAdam: weight decay would move every row, got {weight_decay}; set it to 0 or "
                "use DenseAdam"
            )
        rows = RowwiseAdam([table], lr=learning_rate)
        if not others:
            return rows
        return Together([rows, Adam(others, lr=learning_rate, fused=True)])
