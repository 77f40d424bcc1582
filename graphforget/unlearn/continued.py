"""Training that goes on with what is left: what FineTune, Resume and Rewind share."""

from __future__ import annotations

from torch import nn
from torch.optim import Optimizer

from graphforget.core.errors import UserError
from graphforget.learn.state import optimizer_state
from graphforget.learn.trainer import descend
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained


def continued(
    trained: Trained,
    request: ForgetRequest,
    unlearner: Unlearner,
    model: nn.Module,
    optimizer: Optimizer,
    epochs: int,
    seed: int,
) -> Trained:
    """Train ``model`` by the learner's own objective on the retained data.

    Args:
        trained: the original, with its learner; not changed.
        request: what to leave out.
        unlearner: the method that asks; it goes into the history.
        model: the network to train, in place.
        optimizer: over the model's parameters, with whatever state it has.
        epochs: passes over the retained examples.
        seed: of negatives, batches and dropout.

    Returns:
        The model on the retained data, with the optimiser's state, so that the next request can
        be carried out in the same way.
    """
    assert trained.learner is not None
    retained = request.retained(trained.data)
    objective = trained.learner.objective(retained, trained.task, seed)
    descend(model, objective, optimizer, epochs * trained.learner.steps(retained), seed)
    return trained.after(model, request, unlearner, seed, optimizer_state(model, optimizer))


def check_descent(method: str, steps: int, learning_rate: float) -> None:
    """Raise a `UserError` unless steps count from 1 and the learning rate is above 0."""
    if not (isinstance(steps, int) and steps >= 1):
        raise UserError(f"{method}: steps: wanted a whole number from 1, got {steps!r}")
    if not (isinstance(learning_rate, (int, float)) and learning_rate > 0):
        raise UserError(
            f"{method}: learning_rate: wanted a number above 0, got {learning_rate!r}"
        )


def check_share(method: str, share: float) -> None:
    """Raise a `UserError` unless ``share`` is above 0 and at most 1."""
    if not 0 < share <= 1:
        raise UserError(f"{method}: share: wanted a share of the training in (0, 1], got {share!r}")
