"""Which classes options may name: ours, and those that installed packages offer.

A name may stand for a class of this package, or for one in the entry point group
`graphforget.plugins`; nothing else is imported, so a configuration file cannot run code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, get_args, get_type_hints

from jsonargparse import set_parsing_settings

import graphforget.learn
import graphforget.unlearn  # short names are those of classes that are imported
import graphforget.unlearn.relabel  # noqa: F401
from graphforget.core.config import PLUGINS
from graphforget.exact import S3T, SISA, GraphEraser, SliceSubsets  # noqa: F401
from graphforget.protocols import Learner, Unlearner


@cache
def plugins() -> tuple[type, ...]:
    """The classes that installed packages offer."""
    return tuple(entry.load() for entry in entry_points(group=PLUGINS))


@cache
def allow_our_classes() -> None:
    """Let options name our classes and those of plug-ins, and no others; once a process."""
    offered = plugins()  # before ours are counted: importing them makes them subclasses
    allow((Learner, Unlearner), ("graphforget", *(cls.__module__ for cls in offered)))


def allow(bases: Sequence[type], packages: Sequence[str]) -> None:
    """Let options name more classes.

    Args:
        bases: the dataclasses below them, and those that their fields hold, can be named.
        packages: where named classes may live; no other place is imported from.
    """
    ours = list(_configurable(list(bases), set()))
    set_parsing_settings(
        subclasses_enabled=[*ours],
        import_path_denylist=["*"],
        import_path_allowlist=[*packages],
    )
    for cls in ours:
        # jsonargparse evaluates the annotations of a dataclass and of its bases in the module of
        # the dataclass alone, fails where a base's `ClassVar` is not imported there, and then
        # takes any text for any field. Evaluated annotations it takes as they are.
        cls.__init__.__annotations__.update(_hints(cls))  # type: ignore[misc]


def _configurable(bases: list[type], seen: set[type]) -> Iterator[type]:
    """The dataclasses below some classes, and those that their fields hold."""
    for base in bases:
        if base in seen:
            continue
        seen.add(base)
        yield from _configurable(base.__subclasses__(), seen)
        if is_dataclass(base):
            yield base
            hints = _hints(base).values()
            yield from _configurable([one for hint in hints for one in _classes_in(hint)], seen)


def _hints(cls: type) -> dict[str, Any]:
    """Types of a dataclass's fields, each evaluated where one of its bases can have named it."""
    names: dict[str, Any] = {}
    for base in reversed(cls.__mro__):  # a class made by exec() has no module to look into
        names |= getattr(sys.modules.get(base.__module__), "__dict__", {})
    names |= getattr(cls.__init__, "__globals__", {})  # type: ignore[misc]
    return get_type_hints(cls.__init__, names)  # type: ignore[misc]


def _classes_in(hint: Any) -> list[type]:
    """Our classes in a type hint, such as ``Withdrawal`` in ``Withdrawal | None``."""
    parts = [hint, *get_args(hint)]
    return [one for one in parts if isinstance(one, type) and one.__module__ != "builtins"]
