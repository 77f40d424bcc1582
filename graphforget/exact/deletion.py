"""What the router tells its hosts and what they answer: plain values that travel between processes.

An *epoch* numbers deletions in the order in which the journal took them. A host's answer carries
the epoch it was computed at, so that the router can tell an answer from before a deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from graphforget.exact.plan import Path
from graphforget.exact.source import Hits
from graphforget.request import ForgetRequest

NEVER = -1
"""Epoch of a host that has not been told yet what is to be deleted; its answers are not taken."""


@dataclass(frozen=True)
class Deletion:
    """One request on its way to the hosts.

    Args:
        epoch: its place among all deletions.
        request_id: what makes it the same deletion when it is sent again.
        hits: for each shard, what it does to the stages.
        request: what leaves the rows that are answered about.
    """

    epoch: int
    request_id: str
    hits: Mapping[int, Hits]
    request: ForgetRequest


@dataclass(frozen=True, eq=False)
class Answers:
    """What the shards of a host say, all at one epoch.

    Args:
        epoch: every deletion up to it is carried out in what follows; `NEVER` for nothing to say.
        responses: for each shard that is neither dark nor broken, its probabilities, shape
            ``(K, C)``.
        served: for each of these, the stages that answered.
        broken: why a shard is not served.
    """

    epoch: int = NEVER
    responses: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    served: Mapping[int, tuple[Path, ...]] = field(default_factory=dict)
    broken: Mapping[int, str] = field(default_factory=dict)

    def of(self, items: NDArray[np.int64]) -> Answers:
        """The same about some rows only, by their numbers, shape ``(K,)``."""
        chosen = {shard: rows[items] for shard, rows in self.responses.items()}
        return replace(self, responses=chosen)


def mean_answer(answers: Iterable[Answers]) -> NDArray[np.float32] | None:
    """The mean over all shards that answered, shape ``(K, C)``; None if no shard did.

    Shards are added in the order of their numbers, so that the result does not depend on how they
    are spread over hosts.

    >>> one = Answers(0, {1: np.array([[1.0, 0.0]], np.float32)})
    >>> two = Answers(0, {0: np.array([[0.5, 0.5]], np.float32)})
    >>> mean_answer([one, two]).tolist()
    [[0.75, 0.25]]
    """
    responses = {shard: one for each in answers for shard, one in each.responses.items()}
    if not responses:
        return None
    total = np.zeros_like(next(iter(responses.values())))
    for shard in sorted(responses):
        total += responses[shard]
    return total / np.float32(len(responses))
