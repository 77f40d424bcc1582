"""A run says what shall be done; a grid yields runs; a benchmark is grids by size."""

from __future__ import annotations

import hashlib
import json
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from experiments.cache import Cache
from graphforget.core.errors import UserError
from graphforget.core.record import Record
from graphforget.protocols import Learner


class Run(ABC):
    """One cell of a benchmark: a frozen dataclass that says what shall be done, and can do it."""

    @property
    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """The fields of a record that say what was asked."""

    @property
    @abstractmethod
    def shared(self) -> Hashable:
        """Equal for runs that share what is made on the way, and so should go together."""

    @property
    @abstractmethod
    def problem(self) -> Hashable:
        """Equal for runs of which one can be built if another can."""

    @abstractmethod
    def check(self, cache: Cache, root: str | None) -> None:
        """Build everything without training it.

        Raises:
            UserError: if something cannot be built.
        """

    @abstractmethod
    def carry_out(self, cache: Cache, root: str | None) -> dict[str, Any]:
        """Do it; returns the fields of a record that say what came of it."""

    @property
    def key(self) -> str:
        """Identity of the run, known before any work; equal to `key_of` its record."""
        return key_of(Record(**self.asked))


def model_of(learner: Learner) -> str:
    """What a record calls a learner's network; empty for a learner without an encoder."""
    encoder = getattr(learner, "encoder", None)
    return "" if encoder is None else type(encoder).__name__


def key_of(record: Record) -> str:
    """Identity of the run that a record came from.

    Unlike `Record.key` it takes the request by its recipe, not by the ids that were drawn, so it
    can be compared with runs that have not begun.
    """
    asked = [record.benchmark, record.dataset, record.config, record.seed,
             record.request.get("sample")]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


class Grid(ABC):
    """A frozen dataclass that yields the runs of some choices."""

    @abstractmethod
    def runs(self, benchmark: str) -> Iterator[Run]:
        """All combinations, those that share something next to each other.

        Args:
            benchmark: name of the benchmark they belong to.
        """


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
