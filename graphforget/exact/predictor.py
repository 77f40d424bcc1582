"""One answer out of those of all shards, none of them older than the last acknowledged deletion."""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from graphforget.exact.deletion import mean_answer
from graphforget.exact.delivery import Delivery
from graphforget.exact.layout import System

TRIES = 3
"""So often an answer that a deletion has overtaken is asked for again while deletions go on."""


class Predictor:
    """Asks the hosts and takes the mean.

    Args:
        system: says how many rows there are, and what is answered where no shard can.
        delivery: knows the hosts and what they have been told.
        writing: held while a deletion is under way.
    """

    def __init__(self, system: System, delivery: Delivery, writing: Lock) -> None:
        self._system, self._delivery, self._writing = system, delivery, writing
        self._constant: NDArray[np.float32] | None = None

    def predict(self, items: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Probabilities of all rows, or of some by their numbers; shape ``(K, C)``.

        The mean over all shards that have a live stage and can be reached, computed after every
        deletion that was acknowledged before the answer is given; the declared constant where
        there is no such shard.

        Raises:
            UserError: for numbers of no row.
        """
        constant = self._declared(items)
        for _ in range(TRIES):
            epoch = self._delivery.epoch
            answers = self._delivery.ask(items)
            if self._delivery.epoch == epoch:
                break
        else:
            with self._writing:
                answers = self._delivery.ask(items)
        answer = mean_answer(answers)
        return constant if answer is None else answer

    def _declared(self, items: NDArray[np.int64] | None) -> NDArray[np.float32]:
        if self._constant is None:
            rows = self._system.source.whole()
            self._constant = self._system.recipe.constant(rows).cpu().numpy()
        if items is None:
            return self._constant
        count = len(self._constant)
        if items.size and (items.min() < 0 or items.max() >= count):
            worst = items.min() if items.min() < 0 else items.max()
            raise UserError(f"predict: wanted rows from 0 to {count - 1}, got {worst}")
        return self._constant[items]
