"""Every exported unlearner, at its defaults and at budgets that are shares of retraining."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import fields, replace
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


def at_budget(unlearner: Unlearner, share: float, epochs: int) -> Unlearner:
    """The method with as many steps as ``share`` of a training of ``epochs`` steps has.

    Methods say their budget in their own words: as a ``share`` of the training, or as a number
    of ``steps`` or ``rounds``. One that has none of these stays as it is. What a budget really
    costs is for the clock to say.

    >>> from graphforget.unlearn import BadTeacher, Resume, Unlink
    >>> at_budget(Resume(), 0.02, epochs=200), at_budget(Unlink(), 0.02, epochs=200)
    (Resume(share=0.02), Unlink())
    >>> at_budget(BadTeacher(), 0.02, epochs=200).steps
    4
    """
    names = {field.name for field in fields(unlearner)}  # type: ignore[arg-type]
    steps = max(1, math.ceil(share * epochs))
    if "share" in names:
        change: dict[str, Any] = {"share": share}
    elif "steps" in names:
        change = {"steps": steps}
    elif "rounds" in names:  # a round is up to two steps
        change = {"rounds": max(1, steps // 2)}
    else:
        return unlearner
    if "max_rounds" in names:
        change["max_rounds"] = min(unlearner.max_rounds, change["rounds"])  # type: ignore
    return replace(unlearner, **change)  # type: ignore[type-var]


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
    usual = type(unlearner)()
    said = [f"{field.name}={_short(getattr(unlearner, field.name))}"
            for field in fields(unlearner)  # type: ignore[arg-type]
            if getattr(unlearner, field.name) != getattr(usual, field.name)]
    return " ".join([type(unlearner).__name__, *said])


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).removesuffix("()")
