"""Lightning callbacks: forgetting, auditing and recording inside a Trainer of one's own.

The names are imported when they are first asked for: Lightning looks into this package at every
``Trainer()`` through the entry point in `graphforget.callbacks.auto`, which must cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphforget.callbacks.audit import AuditCallback
    from graphforget.callbacks.forget import ForgetOnRequest
    from graphforget.callbacks.record import RecordCallback

__all__ = ["AuditCallback", "ForgetOnRequest", "RecordCallback"]

_HOME = {"AuditCallback": "audit", "ForgetOnRequest": "forget", "RecordCallback": "record"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
