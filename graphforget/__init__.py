"""GraphForget: train a graph model, forget what a request names, prove it.

Three verbs run through everything: *learn* makes a model from data, *forget* makes a new
model without the request, *audit* judges what is left.

Nothing heavy is imported here; the names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphforget.request import ForgetRequest
    from graphforget.task import LinkPrediction, NodeClassification
    from graphforget.trained import Trained

__version__ = "0.1.0"

__all__ = ["ForgetRequest", "LinkPrediction", "NodeClassification", "Trained", "__version__"]

_HOME = {
    "ForgetRequest": "graphforget.request",
    "LinkPrediction": "graphforget.task",
    "NodeClassification": "graphforget.task",
    "Trained": "graphforget.trained",
}


def __getattr__(name: str) -> Any:
    """Import a public name on its first use, so that `import graphforget` stays cheap."""
    if name not in _HOME:
        raise AttributeError(f"module 'graphforget' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
