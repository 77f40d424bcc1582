"""Frozen dataclasses to JSON and back.

A learner or unlearner is a frozen dataclass whose fields are its hyper-parameters, so its
configuration is its class and its fields. Reading one imports a class by name: only classes of
this project, or ones that an installed package offers, may be named.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError

OURS = ("graphforget", "recsys", "experiments")
"""Packages whose classes a configuration may name."""

PLUGINS = "graphforget.plugins"
"""Entry point group in which other packages offer theirs, as `name = package.module:Class`."""


def to_config(obj: Any) -> dict[str, Any]:
    """JSON-able dictionary with the class and the fields of a frozen dataclass.

    Nested dataclasses become dictionaries, tuples become lists. Fields that are not arguments of
    the class, or are hidden from its `repr` (a pool, a device), are left out.

    Raises:
        UserError: if a field holds something that JSON cannot say.

    >>> from graphforget.core.pool import LocalPool
    >>> to_config(LocalPool())
    {'class': 'graphforget.core.pool.LocalPool'}
    """
    if not _is_frozen_dataclass(type(obj)):
        raise UserError(
            f"{type(obj).__qualname__}: only a frozen dataclass has a configuration; "
            "decorate the class with @dataclass(frozen=True)"
        )
    name = _name(type(obj))
    said = [field.name for field in fields(obj) if field.init and field.repr]
    return {"class": name} | {key: _to_json(getattr(obj, key), f"{name}.{key}") for key in said}


def from_config(config: Any, known: tuple[type, ...] = ()) -> Any:
    """Build the object that `to_config` described; lists come back as tuples.

    Fields that are not mentioned take their defaults.

    Args:
        config: dictionary with "class" and fields.
        known: classes that the caller vouches for, wherever they live.

    Raises:
        UserError: on a class that may not be named or does not exist, on a field that the class
            does not have, on a value that the class refuses.

    >>> from_config({"class": "graphforget.core.pool.LocalPool"})
    LocalPool()
    >>> from_config({"class": "os.system", "command": "ls"})
    Traceback (most recent call last):
    graphforget.core.errors.UserError: config: class 'os.system' may not be named here; ...
    """
    if not isinstance(config, dict) or not isinstance(config.get("class"), str):
        raise UserError(f"config: wanted an object with a 'class', got {str(config)[:60]!r}")
    name = config["class"]
    cls = _find_class(name, known)
    wanted = {field.name for field in fields(cls) if field.init}
    given = {key: _from_json(value, known) for key, value in config.items() if key != "class"}
    if unknown := sorted(set(given) - wanted):
        there = ", ".join(sorted(wanted)) or "none"
        raise UserError(f"config: {name} has no field {unknown[0]!r}; its fields: {there}")
    try:
        return cls(**given)
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        raise UserError(f"config: {name} cannot be built from its fields: {error}") from error


def _to_json(value: Any, where: str) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_to_json(entry, where) for entry in value]
    if isinstance(value, dict) and all(isinstance(key, str) and key != "class" for key in value):
        return {key: _to_json(entry, where) for key, entry in value.items()}
    if _is_frozen_dataclass(type(value)):
        return to_config(value)
    raise UserError(
        f"{where}: a configuration holds numbers, text, lists and frozen dataclasses, got "
        f"{type(value).__qualname__}; hide a resource with field(repr=False)"
    )


def _from_json(value: Any, known: tuple[type, ...]) -> Any:
    if isinstance(value, list):
        return tuple(_from_json(entry, known) for entry in value)
    if isinstance(value, dict):
        if "class" in value:
            return from_config(value, known)
        return {key: _from_json(entry, known) for key, entry in value.items()}
    return value


def class_of_ours(name: str) -> Any:
    """A class of this project, or one that an installed package offers, by its full name.

    Raises:
        UserError: on a class that may not be named or does not exist.

    >>> class_of_ours("graphforget.core.pool.LocalPool").__name__
    'LocalPool'
    """
    offered = _offered()
    module, _, attribute = name.rpartition(".")
    if name not in offered and module.partition(".")[0] not in OURS:
        raise UserError(
            f"config: class {name!r} may not be named here; name one of {', '.join(OURS)}, or "
            f"offer it in the entry point group {PLUGINS!r} of your package"
        )
    try:
        cls = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"config: there is no class {name!r} ({error}); check the name") from error
    inside = getattr(cls, "__module__", "").partition(".")[0] in OURS
    if not isinstance(cls, type) or not (inside or name in offered):
        raise UserError(f"config: {name!r} is not one of our classes; name one of those")
    return cls


def _find_class(name: str, known: tuple[type, ...]) -> Any:
    for cls in known:
        if name == _name(cls):
            return cls
    cls = class_of_ours(name)
    if not _is_frozen_dataclass(cls):
        raise UserError(f"config: {name!r} is not one of our frozen dataclasses; name one of those")
    return cls


def _offered() -> set[str]:
    return {entry.value.replace(":", ".") for entry in entry_points(group=PLUGINS)}


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _is_frozen_dataclass(cls: Any) -> bool:
    return isinstance(cls, type) and is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
