"""What the bits of a stage depend on beside its rows and its recipe, recorded or pinned."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch_geometric

import graphforget

THREADS = 1
"""Threads of one stage's training: sums in another order would be other sums."""

_ONE_AT_A_TIME = threading.RLock()


def environment() -> dict[str, str]:
    """Versions and machine: a stage that was trained in another place may differ in its last bits.

    >>> sorted(environment())
    ['cpu', 'graphforget', 'machine', 'threads', 'torch', 'torch_geometric']
    """
    return {
        "graphforget": graphforget.__version__,
        "torch": torch.__version__,
        "torch_geometric": torch_geometric.__version__,
        "machine": platform.machine(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "threads": str(THREADS),
    }


@contextmanager
def repeatable() -> Iterator[None]:
    """A block in which the same computation gives the same bits.

    One at a time in a process: torch's global generator, which learners and dropout draw from,
    and the settings made here are the process's own. Whatever draws from that generator beside a
    training, however little, belongs into such a block too.
    """
    with _ONE_AT_A_TIME:
        threads = torch.get_num_threads()
        strict = torch.are_deterministic_algorithms_enabled()
        torch.set_num_threads(THREADS)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(threads)
