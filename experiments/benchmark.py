"""A run says what shall be done; a benchmark yields runs."""

from __future__ import annotations

import hashlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from typing import Any

from experiments.settings import Setting
from graphforget.core.config import to_config
from graphforget.core.errors import UserError
from graphforget.core.record import Record
from graphforget.protocols import Learner, Unlearner


@dataclass(frozen=True)
class Run:
    """One request, carried out once by one method on one model.

    Args:
        benchmark: name of the benchmark it belongs to.
        dataset: name of the graph, as `graphforget.data.load_graph` knows it.
        setting: the split and the task.
        learner: how the original and the retrained models are trained.
        unlearner: the method.
        request: what to forget, in the words of `graphforget.data.sample_text`.
        seed: of the split, the request, the original and the method.
    """

    benchmark: str
    dataset: str
    setting: Setting
    learner: Learner
    unlearner: Unlearner
    request: str
    seed: int = 0

    @property
    def asked(self) -> dict[str, Any]:
        """The fields of a record that say what was asked; the request is still its recipe."""
        encoder = getattr(self.learner, "encoder", None)
        parts = {"setting": self.setting, "learner": self.learner, "unlearner": self.unlearner}
        return {
            "benchmark": self.benchmark,
            "dataset": self.dataset,
            "task": self.setting.name,
            "model": type(encoder).__name__ if encoder is not None else "",
            "learner": type(self.learner).__name__,
            "unlearner": type(self.unlearner).__name__,
            "config": {name: to_config(part) for name, part in parts.items()},
            "seed": self.seed,
            "request": {"sample": self.request},
        }

    @property
    def key(self) -> str:
        """Identity of the run, known before any work; equal to `key_of` its record."""
        return key_of(Record(**self.asked))


def key_of(record: Record) -> str:
    """Identity of the run that a record came from.

    Unlike `Record.key` it takes the request by its recipe, not by the ids that were drawn, so it
    can be compared with runs that have not begun.
    """
    asked = [record.benchmark, record.dataset, record.config, record.seed,
             record.request.get("sample")]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Grid:
    """Runs of every combination of some choices; runs that share models stand together."""

    datasets: tuple[str, ...]
    setting: Setting
    learner: Learner
    requests: tuple[str, ...]
    unlearners: tuple[Unlearner, ...]
    seeds: tuple[int, ...] = (0,)

    def runs(self, benchmark: str) -> Iterator[Run]:
        """All combinations, the unlearner changing fastest."""
        choices = product(self.datasets, self.seeds, self.requests, self.unlearners)
        for dataset, seed, request, unlearner in choices:
            yield Run(benchmark, dataset, self.setting, self.learner, unlearner, request, seed)


@dataclass(frozen=True)
class Benchmark:
    """A name, a sentence and the runs of each size.

    Args:
        name: the name of its file.
        about: one sentence.
        sizes: grids by size; ``smoke`` takes about a minute, ``full`` is what is published.
    """

    name: str
    about: str
    sizes: Mapping[str, tuple[Grid, ...]]

    def runs(self, size: str) -> Iterator[Run]:
        """The runs of a size.

        Raises:
            UserError: if the benchmark has no such size.
        """
        if size not in self.sizes:
            raise UserError(f"benchmark {self.name}: no size {size!r}; there are "
                            f"{', '.join(self.sizes)}")
        for grid in self.sizes[size]:
            yield from grid.runs(self.name)


def benchmarks() -> dict[str, Benchmark]:
    """Every benchmark by name: the ``BENCHMARK`` constants of the files of this package."""
    import experiments

    found = {}
    for module in pkgutil.iter_modules(experiments.__path__):
        if module.name != "__main__":
            constant = getattr(import_module(f"experiments.{module.name}"), "BENCHMARK", None)
            if isinstance(constant, Benchmark):
                found[constant.name] = constant
    return found


def find(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        UserError: if there is none.
    """
    known = benchmarks()
    if name not in known:
        raise UserError(f"no benchmark {name!r}; there are {', '.join(sorted(known))}")
    return known[name]
