"""How a service was made: the plan, the recipe and the seed, as JSON that runs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from graphforget.core.config import OURS, from_config, to_config
from graphforget.core.errors import UserError
from graphforget.core.files import write_atomically
from graphforget.core.record import versions
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import Recipe
from graphforget.exact.source import Source

SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """How a service was made; it never changes.

    Args:
        plan: shards, slices and stages.
        recipe: how a stage is trained and asked.
        seed: root of all that is drawn.
        source: name of the class that reads the slice files.
        hosts: number of hosts, over which shards are dealt out in turn.
        several: answer with the mean of a shard's deepest stages, instead of the first.
        data: what the data are called.

    Raises:
        UserError: for numbers out of range, or a recipe whose stages are not the plan's.
    """

    plan: Plan
    recipe: Recipe
    seed: int = 0
    source: str = "graphforget.exact.graph_source.GraphSource"
    hosts: int = 1
    several: bool = False
    data: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.hosts <= self.plan.shards:
            raise UserError(
                f"hosts: wanted 1 to {self.plan.shards}, one shard each at most, got {self.hosts}"
            )
        if self.recipe.chained != self.plan.chained:
            kinds = {True: "stages in chains", False: "models of their own"}
            raise UserError(
                f"plan: is of {kinds[self.plan.chained]}, and {type(self.recipe).__name__} trains "
                f"{kinds[self.recipe.chained]}; choose another recipe or another plan"
            )


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write how a service is made, with the versions that made it."""
    said = {"schema": SCHEMA, **to_config(manifest), "versions": versions()}
    write_atomically(path, json.dumps(said, indent=2) + "\n")


def read_manifest(path: Path, known: tuple[type, ...] = ()) -> Manifest:
    """Read what `write_manifest` wrote.

    Args:
        path: the file.
        known: classes that it may name although they are not ours.

    Raises:
        UserError: naming the file, if it is missing, damaged or of another version.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); wanted a folder made by graphforget s3t "
            "train"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: wanted JSON ({error}); restore the file") from None
    if not isinstance(said, dict) or said.pop("schema", None) != SCHEMA:
        raise UserError(f"{path}: wanted schema {SCHEMA}; open it with the version that wrote it")
    said.pop("versions", None)
    try:
        manifest = from_config(said, known)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(manifest, Manifest):
        raise UserError(f"{path}: wanted a manifest, got a {type(manifest).__name__}")
    return manifest


def source_class(name: str, known: tuple[type, ...] = ()) -> Callable[[Path], Source]:
    """The class that reads slice files; of ours or known ones.

    >>> source_class("graphforget.exact.graph_source.GraphSource").__name__
    'GraphSource'
    """
    module, _, attribute = name.rpartition(".")
    cls: Any = next((one for one in known if _name(one) == name), None)
    if cls is None and module.partition(".")[0] in OURS:
        cls = getattr(import_module(module), attribute, None)
    if not (isinstance(cls, type) and issubclass(cls, Source)):
        raise UserError(f"manifest source: wanted one of our sources, got {name!r}")
    return cls


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
