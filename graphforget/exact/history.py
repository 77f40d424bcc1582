"""What earlier requests mean for exactness."""

from __future__ import annotations

from graphforget.trained import Trained


def inexact_before(trained: Trained) -> str | None:
    """An earlier request was carried out by a method that is not exact.

    What it left in the model a deletion does not find, because the data do not hold it any more.
    """
    names = [type(step.unlearner).__name__ for step in trained.history
             if not step.unlearner.exact]
    if not names:
        return None
    return (
        f"an earlier {names[0]} was not exact, so the model holds more than the data it comes "
        "with; use Retrain"
    )
