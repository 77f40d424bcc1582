"""Selectors that the package offers, their named settings, and what tables call them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from typing import Any

import recsys.select
from recsys.learn import ClickTraining
from recsys.select import Selector


def selector_classes() -> dict[str, type[Selector]]:
    """The selectors that the package exports, by name."""
    exported = {name: getattr(recsys.select, name) for name in recsys.select.__all__}
    return {name: cls for name, cls in exported.items()
            if isinstance(cls, type) and issubclass(cls, Selector) and cls is not Selector}


def presets(cls: type[Selector]) -> dict[str, Selector]:
    """Settings of a selector that have a name: the constants of its file.

    >>> sorted(presets(recsys.select.Lasso))
    ['BENCHMARK']
    """
    constants = vars(import_module(cls.__module__))
    return {name: one for name, one in constants.items() if name.isupper() and type(one) is cls}


def title(selector: Selector) -> str:
    """What tables call a selector: its class, its preset, or what differs from the defaults.

    >>> title(recsys.select.Lasso()), title(recsys.select.Lasso(alpha=0.5))
    ('Lasso', 'Lasso alpha=0.5')
    >>> title(recsys.select.SHARK(training=ClickTraining(epochs=3)))
    'SHARK training.epochs=3'
    """
    name = type(selector).__name__
    for preset, settings in presets(type(selector)).items():
        if selector == settings and selector != type(selector)():
            return f"{name}:{preset}"
    return " ".join([name, *differing(selector, type(selector)())])


def differing(one: Any, plain: Any, within: str = "") -> list[str]:
    """The settings in which two frozen dataclasses of one class differ, as text.

    Args:
        one: whose settings are told.
        plain: with the defaults.
        within: what stands before the names.

    >>> differing(ClickTraining(epochs=3), ClickTraining(), "training.")
    ['training.epochs=3']
    """
    found = []
    for field in fields(one):
        value, usual = getattr(one, field.name), getattr(plain, field.name)
        if not field.repr or value == usual:
            continue
        if is_dataclass(value) and type(value) is type(usual):
            found += differing(value, usual, f"{within}{field.name}.")
        else:
            found.append(f"{within}{field.name}={value!r}")
    return found


def with_training(selector: Selector, training: ClickTraining) -> Selector:
    """The selector with that training for its own networks, unless it came with another."""
    own: Any = selector
    if getattr(own, "training", None) != ClickTraining():
        return selector
    return replace(own, training=training)
