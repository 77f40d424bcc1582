"""The one place that decides between the two Lightning packages.

``lightning`` and ``pytorch_lightning`` are different sets of classes, and a module of the one is
refused by a Trainer of the other. PyG and Ray take ``lightning`` where it is installed, so the
same order holds here; ``GRAPHFORGET_LIGHTNING=pytorch_lightning`` overrides it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import TYPE_CHECKING

CHOICES = ("lightning.pytorch", "pytorch_lightning")


def _choose() -> str:
    wanted = os.environ.get("GRAPHFORGET_LIGHTNING")
    if wanted is not None:
        if wanted not in CHOICES:
            raise ImportError(
                f"GRAPHFORGET_LIGHTNING: wanted one of {', '.join(CHOICES)}, got {wanted!r}"
            )
        return wanted
    return CHOICES[0] if importlib.util.find_spec("lightning") else CHOICES[1]


if TYPE_CHECKING:  # the two packages have the same types under other names
    import pytorch_lightning as pl
else:
    pl = importlib.import_module(_choose())
