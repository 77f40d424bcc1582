"""What runs of one worker share, kept as long as there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class Cache:
    """What runs share, made once and dropped when newer things need the room.

    A copy in another process starts empty: what it holds is large and quickly made again.

    Args:
        size: how many things to keep; the one not asked for longest goes first.

    >>> cache = Cache(size=1)
    >>> cache.get("a", lambda: 1), cache.get("a", lambda: 2), cache.get("b", lambda: 3)
    (1, 1, 3)
    >>> cache.get("a", lambda: 4)
    4
    """

    def __init__(self, size: int = 12) -> None:
        self.size = size
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept under ``key``, made now if it is not there."""
        if key not in self._kept:
            made = make()
            while len(self._kept) >= self.size:
                self._kept.popitem(last=False)
            self._kept[key] = made
        self._kept.move_to_end(key)
        return self._kept[key]

    def __reduce__(self) -> tuple[Any, ...]:
        return Cache, (self.size,)
