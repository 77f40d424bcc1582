"""The folder of a service: what is where, and who writes it.

``manifest.json`` is written last, so a folder that has one is whole. Everything else in it belongs
to one writer: the journal to the router, a log to its host, slice files to repair, and stage files
to whoever trains, who all write the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphforget.core.files import folder_atomically
from graphforget.exact.manifest import Manifest, read_manifest, source_class, write_manifest
from graphforget.exact.plan import Plan
from graphforget.exact.recipe import Recipe
from graphforget.exact.source import Source
from graphforget.exact.stage_files import StageFiles


@dataclass(frozen=True)
class Layout:
    """The places in a service's folder.

    >>> str(Layout(Path("shop")).host_log(0))
    'shop/hosts/host-0000.log'
    """

    folder: Path

    @property
    def manifest(self) -> Path:
        """How everything else is to be read."""
        return self.folder / "manifest.json"

    @property
    def source(self) -> Path:
        """Slice files and the rows that are answered about."""
        return self.folder / "source"

    @property
    def stages(self) -> Path:
        """Weights of stages."""
        return self.folder / "stages"

    @property
    def journal(self) -> Path:
        """What became of every request."""
        return self.folder / "journal.db"

    @property
    def certificates(self) -> Path:
        """Of requests that are through."""
        return self.folder / "certificates"

    def certificate(self, request_id: str) -> Path:
        """Of one of them; named by a digest, since ids may be any text."""
        name = hashlib.sha256(request_id.encode()).hexdigest()[:32]
        return self.certificates / f"{name}.json"

    @property
    def set_aside(self) -> Path:
        """Requests that nobody may look into."""
        return self.folder / "hosts" / "set_aside.json"

    def host_log(self, host: int) -> Path:
        """What a host was told."""
        return self.folder / "hosts" / f"host-{host:04d}.log"


@dataclass(frozen=True, eq=False)
class System:
    """A folder, opened: its manifest, and what reads its rows and its weights."""

    layout: Layout
    manifest: Manifest
    source: Source
    files: StageFiles

    @property
    def plan(self) -> Plan:
        """Shards, slices and stages."""
        return self.manifest.plan

    @property
    def recipe(self) -> Recipe:
        """How a stage is trained and asked."""
        return self.manifest.recipe

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The shards of each host."""
        return dealt_out(self.plan.shards, self.manifest.hosts)


def dealt_out(shards: int, hosts: int) -> tuple[tuple[int, ...], ...]:
    """Shards in turn to hosts.

    >>> dealt_out(5, 2)
    ((0, 2, 4), (1, 3))
    """
    return tuple(tuple(range(host, shards, hosts)) for host in range(hosts))


def create_system(
    folder: str | Path, manifest: Manifest, write_source: Callable[[Path], Any]
) -> None:
    """Make the folder of a service, without trained stages; whole or not at all.

    Args:
        folder: a path that does not exist yet.
        manifest: how it is made.
        write_source: writes the slice files into the folder it is given, which is not there yet.

    Raises:
        UserError: if the folder exists, or the rows do not fit the plan.
    """
    with folder_atomically(folder) as new:
        layout = Layout(new)
        write_source(layout.source)
        layout.stages.mkdir()
        write_manifest(manifest, layout.manifest)


def open_system(folder: str | Path, known: tuple[type, ...] = ()) -> System:
    """Read the folder of a service.

    Args:
        folder: made by `create_system`.
        known: classes that the manifest may name although they are not ours.

    Raises:
        UserError: naming the file that is missing, damaged or of another version.
    """
    layout = Layout(Path(folder))
    manifest = read_manifest(layout.manifest, known)
    source = source_class(manifest.source, known)(layout.source)
    return System(layout, manifest, source, StageFiles(layout.stages))
