"""Settings of methods that have a name, so that ``--method PUBLISHED`` says what it means."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from typing import Any

from graphforget import unlearn
from graphforget.protocols import Unlearner

OPTION = "--method"


@cache
def presets() -> dict[str, Unlearner]:
    """The unlearners that packages of methods export ready made, by name.

    >>> sorted(presets())[:2]
    ['LABEL_FREE', 'PUBLISHED']
    """
    packages = [import_module(f"{unlearn.__name__}.{found.name}")
                for found in pkgutil.iter_modules(unlearn.__path__) if found.ispkg]
    exported = {name: getattr(package, name) for package in packages for name in package.__all__}
    return {name: thing for name, thing in exported.items() if isinstance(thing, Unlearner)}


def spelled_out(words: Sequence[str]) -> list[str]:
    """The words of a command with names of presets replaced by their classes and fields.

    >>> spelled_out(["run", "--method", "PUBLISHED"])[2][:31]
    '{"class_path": "graphforget.unl'
    >>> spelled_out(["run", "--method=Resume", "--out", "PUBLISHED"])
    ['run', '--method=Resume', '--out', 'PUBLISHED']
    """
    return list(_spelled(words))


def _spelled(words: Sequence[str]) -> Iterator[str]:
    before = ""
    for word in words:
        option, is_joined, value = word.partition("=")
        if before == OPTION and word in presets():
            yield json.dumps(_as_options(presets()[word]))
        elif is_joined and option == OPTION and value in presets():
            yield f"{OPTION}={json.dumps(_as_options(presets()[value]))}"
        else:
            yield word
        before = word


def _as_options(value: Any) -> Any:
    """An object as the options that build it."""
    if not is_dataclass(value) or isinstance(value, type):
        return list(value) if isinstance(value, tuple) else value
    named = {one.name: _as_options(getattr(value, one.name)) for one in fields(value) if one.init}
    return {
        "class_path": f"{type(value).__module__}.{type(value).__qualname__}", "init_args": named
    }
