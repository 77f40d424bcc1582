"""The same function here or on a Ray cluster; only the pool differs.

This is the one place that speaks to Ray. It is imported when a `RayPool` first works, so
everything else runs without it.
"""

from __future__ import annotations

import os
import pickle
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphforget.core.errors import UserError

Item = TypeVar("Item")


class Pool(ABC):
    """Applies a function to items, wherever that may be. A context manager: leave it when done."""

    @abstractmethod
    def map(
        self, fn: Callable[[Item], Any], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Any | Exception]]:
        """Each item with its result, in whatever order they are finished.

        An item whose function raised comes with the exception, and the others go on.

        Args:
            fn: a function of one item.
            items: taken one by one, as there is room.
        """

    def close(self) -> None:
        """Give back what the pool started; nothing by default."""
        return

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True)
class LocalPool(Pool):
    """One item after the other in this process.

    >>> for item, result in LocalPool().map(lambda n: 1 / n, [1, 0]):
    ...     print(item, repr(result))
    1 1.0
    0 ZeroDivisionError('division by zero')
    """

    def map(
        self, fn: Callable[[Item], Any], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Any | Exception]]:
        for item in items:
            yield item, _answer(fn, item)


@dataclass(eq=False)
class RayPool(Pool):
    """Items as Ray tasks, on a cluster or on a local Ray that the pool starts and ends.

    A lost worker is the cluster's fault and its item is tried again elsewhere, so functions must
    be safe to repeat. An exception is the item's own and is not retried.

    Args:
        address: of a running cluster. Without it: the Ray that this process is connected to, else
            the one named by the environment variable `RAY_ADDRESS`, else a new local one.
        num_cpus: of a new local Ray; all cores by default.
        in_flight: tasks handed out at a time; by default two for each core of the cluster.
        retries: further attempts for an item whose worker was lost.
        cpus, gpus: what one item needs; fractions are allowed.
    """

    address: str | None = None
    num_cpus: int | None = None
    in_flight: int | None = None
    retries: int = 2
    cpus: float = 1.0
    gpus: float = 0.0
    _started: bool = field(default=False, init=False, repr=False)

    def map(
        self, fn: Callable[[Item], Any], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Any | Exception]]:
        ray = self._connect()
        task = ray.remote(
            max_retries=self.retries, retry_exceptions=False, num_cpus=self.cpus, num_gpus=self.gpus
        )(_answer)
        shared = ray.put(fn)  # sent once, however many items there are
        room = self.in_flight or max(2, 2 * int(ray.cluster_resources().get("CPU", 1)))
        waiting: dict[Any, Item] = {}
        rest = iter(items)
        try:
            while True:
                while len(waiting) < room and (item := next(rest, _END)) is not _END:
                    waiting[task.remote(shared, item)] = item
                if not waiting:
                    return
                done, _ = ray.wait(list(waiting), num_returns=1)
                item = waiting.pop(done[0])
                try:
                    result = ray.get(done[0])
                except Exception as error:  # the worker was lost for good
                    result = error
                yield item, result
        finally:
            for left in waiting:
                ray.cancel(left, force=True)

    def close(self) -> None:
        if self._started:
            import ray

            ray.shutdown()
            self._started = False

    def __reduce__(self) -> tuple[Any, ...]:
        plain = (self.address, self.num_cpus, self.in_flight, self.retries, self.cpus, self.gpus)
        return RayPool, plain  # a copy owns no cluster

    def _connect(self) -> Any:
        try:
            import ray
        except ImportError as error:
            raise UserError(
                "RayPool needs Ray, which is not installed; pip install 'graphforget[ray]'"
            ) from error
        if ray.is_initialized():
            return ray
        address = self.address or os.environ.get("RAY_ADDRESS") or "local"
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address == "local":
            options |= {"num_cpus": self.num_cpus or os.cpu_count(), "include_dashboard": False}
        for last in (False, True):
            try:
                ray.init(address=address, **options)
                break
            except Exception:  # a busy machine can miss Ray's fixed start-up time once
                ray.shutdown()
                if last:
                    raise
        self._started = True
        return ray


_END: Any = object()


def _answer(fn: Callable[[Any], Any], item: Any) -> Any | Exception:
    """The result, or the exception with its traceback as a note, in a form that can travel."""
    try:
        return fn(item)
    except Exception as error:
        error.add_note(traceback.format_exc())
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            plain = RuntimeError(f"{type(error).__name__}: {error}")
            plain.add_note(traceback.format_exc())
            return plain
        return error
