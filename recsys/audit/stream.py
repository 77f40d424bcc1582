"""Streams: a method that copes with one request may not cope with ten.

Measured in recsys_unlearning.md 5.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained


def carried_out_in_turn(
    unlearner: Unlearner, trained: Trained, requests: Sequence[ForgetRequest], seed: int
) -> Iterator[Trained]:
    """The model after each of several requests, one carried out on the result of another.

    Args:
        unlearner: the method.
        trained: the original; it is left as it was.
        requests: in their order.
        seed: of the first; each further one has the next.
    """
    for place, request in enumerate(requests):
        trained = unlearner(trained, request, seed + place)
        yield trained
