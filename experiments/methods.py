"""Every exported unlearner, at its defaults and at budgets that are shares of retraining."""

from __future__ import annotations

import inspect
import math
import pkgutil
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from typing import Any

from graphforget import unlearn
from graphforget.protocols import Unlearner


def named() -> dict[str, Unlearner]:
    """What `graphforget.unlearn` and its packages export, by name.

    Classes are taken at their defaults; a preset, which is a constant, as it is.

    >>> named()["Resume"]
    Resume(share=0.1)
    """
    packages = [import_module(f"{unlearn.__name__}.{found.name}")
                for found in pkgutil.iter_modules(unlearn.__path__) if found.ispkg]
    methods: dict[str, Unlearner] = {}
    for module in (unlearn, *packages):
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, Unlearner):
                methods[f"{type(thing).__name__} {name.lower()}"] = thing
            elif inspect.isclass(thing) and issubclass(thing, Unlearner):
                if not inspect.isabstract(thing):
                    methods[name] = thing()
    return methods


def exported() -> tuple[Unlearner, ...]:
    """Every method and preset, once."""
    return tuple(dict.fromkeys(named().values()))


def at_budget(unlearner: Any, share: float, epochs: int) -> Any:
    """The method with as many steps as ``share`` of a training of ``epochs`` steps has.

    Methods say their budget in their own words: as a ``share`` of the training, as a number of
    ``steps``, ``rounds`` or ``iterations``, or by a ``solver`` that does. One that has none of
    these stays as it is. What a budget really costs is for the clock to say.

    >>> from graphforget.unlearn import BadTeacher, Resume, Unlink
    >>> at_budget(Resume(), 0.02, epochs=200), at_budget(Unlink(), 0.02, epochs=200)
    (Resume(share=0.02), Unlink())
    >>> at_budget(BadTeacher(), 0.02, epochs=200).steps
    4
    """
    names = {field.name for field in fields(unlearner)}
    steps = max(1, math.ceil(share * epochs))
    change: dict[str, Any] = {}
    if "share" in names:
        change = {"share": share}
    elif "steps" in names:
        change = {"steps": steps}
    elif "iterations" in names:  # products with the curvature, and what frames them
        change = {"iterations": max(1, round(0.7 * steps))}
    elif "rounds" in names:  # a round is up to two steps
        change = {"rounds": max(1, steps // 2)}
    elif "solver" in names:
        change = {"solver": at_budget(unlearner.solver, share, epochs)}
    if "max_rounds" in names:
        change["max_rounds"] = min(unlearner.max_rounds, change["rounds"])
    return replace(unlearner, **change)


def with_budgets(
    unlearners: Iterable[Unlearner], shares: Iterable[float], epochs: int, defaults: bool = True
) -> tuple[Unlearner, ...]:
    """Each method at each budget, and at its defaults unless told otherwise; no repeats."""
    shares, found = tuple(shares), []
    for unlearner in unlearners:
        found += [unlearner] if defaults else []
        found += [at_budget(unlearner, share, epochs) for share in shares]
    return tuple(dict.fromkeys(found))


def label(unlearner: Unlearner) -> str:
    """A short name: a preset's own, else the class and the fields that differ from its defaults.

    >>> from graphforget.unlearn import Resume
    >>> label(Resume()), label(Resume(share=0.02))
    ('Resume', 'Resume share=0.02')
    """
    presets = (name for name, each in named().items() if " " in name and each == unlearner)
    return next(presets, " ".join([type(unlearner).__name__, *_differences(unlearner)]))


def _differences(thing: Any) -> list[str]:
    """``field=value`` for each field that is not the class's default, parts by their own names."""
    usual, found = type(thing)(), []
    for field in fields(thing):
        value, default = getattr(thing, field.name), getattr(usual, field.name)
        if value == default:
            continue
        if not is_dataclass(value):
            found.append(f"{field.name}={value:g}" if isinstance(value, float)
                         else f"{field.name}={value}")
        elif type(value) is type(default):
            found += _differences(value)
        else:
            found.append(f"{field.name}={' '.join([type(value).__name__, *_differences(value)])}")
    return found
