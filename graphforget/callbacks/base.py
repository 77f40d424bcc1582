"""A callback that the Trainers of both Lightning packages accept.

``pytorch_lightning`` and ``lightning.pytorch`` are different sets of classes. A module has to
choose one of them; a callback need not, since it may inherit from both.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

PACKAGES = ("pytorch_lightning", "lightning.pytorch")


def callback_bases() -> tuple[type, ...]:
    """The ``Callback`` class of every Lightning package that is installed."""
    bases = []
    for package in PACKAGES:
        try:
            bases.append(import_module(package).Callback)
        except ImportError:
            continue
    return tuple(dict.fromkeys(bases))


Callback: Any = type(
    "Callback", callback_bases(), {"__doc__": "Base of our callbacks.", "__module__": __name__}
)
