"""Selectors that the package offers, their named settings, and what tables call them."""

from __future__ import annotations

from dataclasses import fields, replace
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
    """
    name = type(selector).__name__
    for preset, settings in presets(type(selector)).items():
        if selector == settings and selector != type(selector)():
            return f"{name}:{preset}"
    plain = type(selector)()
    other = [
        f"{one.name}={getattr(selector, one.name)!r}"
        for one in fields(selector)  # type: ignore[arg-type]
        if getattr(selector, one.name) != getattr(plain, one.name)
    ]
    return " ".join([name, *other])


def with_training(selector: Selector, training: ClickTraining) -> Selector:
    """The selector with that training for its own networks, unless it came with another."""
    own: Any = selector
    if getattr(own, "training", None) != ClickTraining():
        return selector
    return replace(own, training=training)
