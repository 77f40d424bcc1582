"""How one stage is trained and how trained stages answer: all that the core asks of a model.

The plan, the journal and the service speak of shards, slices and stages only. What a row is, what
a model is and what it is asked stands behind this interface.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

State = dict[str, Tensor]
"""The weights of one stage by name; empty where its slices held nothing to learn from."""


class Recipe(ABC):
    """How a stage is trained. Subclasses are frozen dataclasses of hyper-parameters.

    Whoever writes one keeps two promises, on which exactness rests: `train` reads nothing but its
    arguments, and the same arguments give the same bits. `graphforget.exact.check` tries both.
    """

    chained: ClassVar[bool]
    """Whether a stage stands on earlier stages (an order's chain) or alone (a subset's model)."""

    @abstractmethod
    def train(self, rows: Any, before: Sequence[State], seed: int) -> State:
        """The weights of one stage.

        Args:
            rows: the rows of the slices that the stage may see, as `Source.rows` gives them.
            before: the weights of the stages that it stands on, first stage first; they are left
                as they are. Empty for a first stage, and for a model of its own.
            seed: seed of all that is drawn.

        Returns:
            The stage's own weights, without those of `before`.
        """

    @abstractmethod
    def respond(self, rows: Any, states: Sequence[State]) -> Tensor:
        """Probabilities of the rows, shape ``(N, C)``, each row with sum 1.

        Args:
            rows: what is asked about, as `Source.whole` gives it; N rows.
            states: the stages that answer together, first stage first; one for a model of its own.
                They are used, not copied: gradients flow to those that require them.
        """

    @abstractmethod
    def constant(self, rows: Any) -> Tensor:
        """The declared answer of a system that has no stage left, shape ``(N, C)``.

        It may depend on the number of rows and on public constants, on nothing else.
        """
