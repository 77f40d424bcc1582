"""Progress bars on standard error, off where it is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from torch.optim.optimizer import register_optimizer_step_post_hook
from tqdm import tqdm


@contextmanager
def steps_shown(what: str, total: int | None = None) -> Iterator[None]:
    """Show the optimiser steps taken in a block, whoever takes them.

    Args:
        what: text before the bar.
        total: how many there will be, where it is known.
    """
    off = not sys.stderr.isatty()
    with tqdm(total=total, desc=what, unit=" steps", leave=False, disable=off) as bar:
        hook = register_optimizer_step_post_hook(lambda *_: bar.update() and None)
        try:
            yield
        finally:
            hook.remove()
