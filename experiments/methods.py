"""Every exported unlearner, at its defaults and at budgets that are shares of retraining."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from graphforget import unlearn
from graphforget.protocols import Unlearner


def exported() -> tuple[Unlearner, ...]:
    """What `graphforget.unlearn` exports: classes at their defaults, and presets as they are."""
    found = []
    for name in unlearn.__all__:
        thing = getattr(unlearn, name)
        if isinstance(thing, Unlearner):
            found.append(thing)
        elif inspect.isclass(thing) and issubclass(thing, Unlearner):
            if not inspect.isabstract(thing):
                found.append(thing())
    return tuple(dict.fromkeys(found))


def at_budget(unlearner: Any, share: float, epochs: int) -> Any:
    """The method with as many steps as ``share`` of a training of ``epochs`` steps has.

    Methods say their budget in their own words: as a ``share`` of the training, or as a number
    of ``steps`` or ``rounds``, or by a ``solver`` that does. One that has none of these stays as
    it is. What a budget really costs is for the clock to say.

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
    """A short name: the class and the fields that differ from its defaults.

    >>> from graphforget.unlearn import Resume
    >>> label(Resume()), label(Resume(share=0.02))
    ('Resume', 'Resume share=0.02')
    """
    return " ".join([type(unlearner).__name__, *_differences(unlearner)])


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
