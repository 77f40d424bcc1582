"""Exact forgetting: shards, slices and stages; a deletion switches off those that saw it.

Nothing heavy is imported here: `plan` and what it builds on is arithmetic without torch. The
learners below, which forget by themselves, are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphforget.exact.graph_eraser import GraphEraser
    from graphforget.exact.s3t import S3T
    from graphforget.exact.whole_models import SISA, SliceSubsets

__all__ = ["S3T", "SISA", "GraphEraser", "SliceSubsets"]

_HOME = {
    "S3T": "graphforget.exact.s3t",
    "SISA": "graphforget.exact.whole_models",
    "GraphEraser": "graphforget.exact.graph_eraser",
    "SliceSubsets": "graphforget.exact.whole_models",
}


def __getattr__(name: str) -> Any:
    """Import a learner on its first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'graphforget.exact' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
