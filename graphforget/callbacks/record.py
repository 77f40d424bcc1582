"""Write the leaderboard record of a plain fit, whether it ends well or not."""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from graphforget.callbacks.base import Callback
from graphforget.core.record import Record, append_record, git_state, versions
from graphforget.learn.trainer import ObjectiveModule


class RecordCallback(Callback):
    """Appends one `Record` for each ``fit``: what was asked, the last metrics, what it cost.

    The metrics are the Trainer's ``callback_metrics`` at the end; the seconds are those of the
    whole ``fit``, validation included. A fit that raises or is interrupted leaves a record with
    status ``failed``. The fits that our learners and unlearners do inside leave none.

    Args:
        path: file of records, one JSON line each; created if need be.
        benchmark: what the run belongs to.
        dataset: what it was trained on.
        task: what the model answers.
        learner: how it is trained; by default the name of the LightningModule.
        seed: seed of the run; by default that of Lightning's ``seed_everything``, or 0.
    """

    def __init__(
        self,
        path: str | Path,
        benchmark: str = "fit",
        dataset: str = "",
        task: str = "",
        learner: str | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.benchmark, self.dataset, self.task = benchmark, dataset, task
        self.learner, self.seed = learner, seed
        self._started: float | None = None

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Start the clock."""
        if stage == "fit" and not isinstance(pl_module, ObjectiveModule):
            self._started = time.perf_counter()
            self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Write the record of a fit that ended well."""
        self._write(trainer, pl_module, "ok")

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Write the record of a fit that did not."""
        reason = " ".join(f"{type(exception).__name__}: {exception}".split())
        self._write(trainer, pl_module, "failed", reason[:500])

    def _write(self, trainer: Any, module: Any, status: str, error: str | None = None) -> None:
        if self._started is None:
            return
        seconds, self._started = time.perf_counter() - self._started, None
        if not trainer.is_global_zero:
            return
        seed = os.environ.get("PL_GLOBAL_SEED", "0") if self.seed is None else self.seed
        append_record(
            self.path,
            Record(
                benchmark=self.benchmark,
                dataset=self.dataset,
                task=self.task,
                model=type(getattr(module, "model", module)).__name__,
                learner=self.learner or type(module).__name__,
                unlearner="",
                config=plain_settings(getattr(module, "hparams", {}))
                | {"max_epochs": trainer.max_epochs},
                seed=int(seed),
                metrics={k: float(v) for k, v in trainer.callback_metrics.items()},
                seconds=seconds,
                peak_mb=peak_memory(),
                status=status,
                error=error,
                git=git_state(),
                versions=versions(),
                started_at=self._started_at,
            ),
        )


def plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that JSON can say; the rest as the names of their classes.

    >>> plain_settings({"hidden": 64, "rate": float("inf"), "task": object()})
    {'hidden': 64, 'rate': 'inf', 'task': 'object'}
    """
    plain: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, float) and not math.isfinite(value):
            plain[str(name)] = str(value)
            continue
        try:
            plain[str(name)] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            plain[str(name)] = type(value).__name__
    return plain


def peak_memory() -> float:
    """Peak memory in MB: of the GPU where there is one, else of this process since it began."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
