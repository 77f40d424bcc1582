"""Which classes the options of `recsys` may name: ours beside those of `graphforget`."""

from __future__ import annotations

from functools import cache

import recsys.select  # noqa: F401 (short names are those of classes that are imported)
from graphforget.commands import classes
from graphforget.protocols import Learner, Unlearner
from recsys.learn import ClickTraining
from recsys.models import Backbone
from recsys.select import Selector

BASES = (Selector, Backbone, ClickTraining, Learner, Unlearner)
"""Classes whose subclasses, and what their fields hold, can be named."""


@cache
def allow_our_classes() -> None:
    """Let options name our classes too, and no others; once a process."""
    classes.allow_our_classes()
    classes.allow(BASES, ("graphforget", "recsys"))
