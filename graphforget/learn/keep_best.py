"""What keeps the weights of the epoch that scores best, however it is scored."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim import Optimizer

from graphforget._lightning import pl
from graphforget.learn.state import optimizer_state


class KeepBest(pl.Callback):
    """The base of callbacks that score epochs and keep the best, the first of equals.

    Nothing is put back by itself: `restore` does it.

    Args:
        model: the network whose weights are kept.
        optimizer: if given, its state is kept with the weights.
        moved: the network whose weights the optimiser moves, if it is another with the same names.

    >>> model = nn.Linear(1, 1)
    >>> best = KeepBest(model)
    >>> for epoch, score in enumerate((0.5, 0.9, 0.9), start=1):
    ...     best.keep(epoch, score)
    >>> best.epoch, best.score
    (2, 0.9)
    """

    epoch: int = 0
    """The best epoch so far, counted from 1; 0 before the first was scored."""

    score: float = float("-inf")
    """What it scored."""

    weights: dict[str, Tensor]
    """Its parameters and buffers by name."""

    optimizer: dict[str, Tensor]
    """The optimiser's state after it, ``"<parameter>.<entry>"`` -> tensor."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer | None = None, moved: nn.Module | None = None
    ) -> None:
        self.weights, self.optimizer = {}, {}
        self._model, self._optimizer, self._moved = model, optimizer, moved or model

    def keep(self, epoch: int, score: float) -> None:
        """Keep the model as it is now, after ``epoch``, if none was better."""
        if not score > self.score:
            return
        self.epoch, self.score = epoch, score
        state = self._model.state_dict()
        self.weights = {name: value.detach().clone() for name, value in state.items()}
        if self._optimizer is not None:
            self.optimizer = optimizer_state(self._moved, self._optimizer)

    def restore(self) -> None:
        """Put the best weights into the model; it stays as it is if none were kept."""
        if self.weights:
            self._model.load_state_dict(self.weights)
