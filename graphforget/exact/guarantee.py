"""What exact forgetting promises at each state, and what it does not, in plain words."""

from __future__ import annotations

from collections.abc import Collection

from graphforget.exact.case import State

SERVED = (
    "Every answer given since the acknowledgement comes from stages that never saw the named "
    "data: their parameters have the very values that training without the data, on the same "
    "slices, seeds and software, would have given them."
)

REPAIRED = (
    "The stages that had seen the data were trained anew without them. The parameters equal, bit "
    "for bit, those of a system trained from the start without the data, with the same placement "
    "key, settings, seeds and software."
)

PURGED = (
    "The named rows are off the slice files and the graph that answers are computed on, the stage "
    "files that had seen them are destroyed, and so is the list of ids that the request named."
)

DEPTH_SHOWS = (
    "Until the repair, the system answers from fewer slices than at first. From that one can tell "
    "that something was deleted and from which slice, though not what."
)

STILL_ON_DISK = (
    "Stage files, rows and the list of ids may still be on the disk; none of them is used to "
    "answer. They go when the request is purged."
)

NEVER = (
    "Copies that left the system are not covered: backups, logs, exported predictions and "
    "parameters, snapshots of the disk, and what a flash disk keeps of overwritten blocks.",
    "Whoever kept the parameters or answers from before can compare them with those of today, and "
    "see by the difference that something was deleted, and something about what.",
    "The promise is for requests that were not chosen by looking at the system's answers.",
    "What other people's data say about the deleted, such as their neighbours' features, stays. "
    "Training without the deleted data would have learnt it too.",
    "Public artefacts that training started from, such as a pre-trained network, are taken to hold "
    "nothing of the data, and were not checked.",
)


def guaranteed(reached: Collection[State]) -> tuple[str, ...]:
    """What holds for a request that has reached these states.

    >>> guaranteed([State.RECEIVED, State.JOURNALLED])
    ()
    >>> guaranteed([State.DEACTIVATED, State.PURGED]) == (SERVED, PURGED)
    True
    """
    words = {State.DEACTIVATED: SERVED, State.REPAIRED: REPAIRED, State.PURGED: PURGED}
    return tuple(said for state, said in words.items() if state in reached)


def not_guaranteed(reached: Collection[State]) -> tuple[str, ...]:
    """What does not hold for a request that has reached these states.

    >>> not_guaranteed([State.DEACTIVATED, State.REPAIRED, State.PURGED]) == NEVER
    True
    """
    words = {State.REPAIRED: DEPTH_SHOWS, State.PURGED: STILL_ON_DISK}
    return (*(said for state, said in words.items() if state not in reached), *NEVER)
