"""What a piece of work costs: wall time, CPU time and memory."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType

import torch

SAMPLE_EVERY = 0.005  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """The cost of a block of work.

    Args:
        seconds: wall time.
        cpu_seconds: processor time of the whole process, all threads; of other processes none.
        peak_mb: how far the process's resident memory rose above where it stood at the start,
            in MiB. It is sampled, so a peak shorter than 5 ms can be missed, and memory that
            Python held already and used again does not show.
        peak_gpu_mb: most memory that torch held on the current GPU, in MiB; 0 without one.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    peak_gpu_mb: float = 0.0


class Meter:
    """Measure a block of work; time only the deed.

    >>> with Meter() as meter:
    ...     _ = sum(range(100_000))
    >>> meter.cost.seconds > 0 and meter.cost.cpu_seconds > 0
    True
    """

    cost: Cost
    """Set when the block ends."""

    def __enter__(self) -> Meter:
        self._stop = threading.Event()
        self._lowest = self._highest = resident_mb()
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._start[0]
        cpu_seconds = time.process_time() - self._start[1]
        self._highest = max(self._highest, resident_mb())
        self._stop.set()
        self._watcher.join()
        gpu = torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else 0.0
        self.cost = Cost(seconds, cpu_seconds, self._highest - self._lowest, gpu)

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY):
            self._highest = max(self._highest, resident_mb())


def resident_mb() -> float:
    """Resident memory of this process in MiB; off Linux its highest so far."""
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / 2**20 if sys.platform == "darwin" else highest / 2**10
