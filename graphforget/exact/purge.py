"""What goes because a run has forgotten, and its removal: a killed one is finished by the next.

`graphforget.exact.purge_search` finds out what that is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from graphforget.core.files import write_atomically
from graphforget.exact.destroy import destroy_file, sync_folder

MARK = ".purging"
"""In a run folder that is being removed: a purge that was killed is finished by the next one."""


@dataclass(frozen=True)
class Artefact:
    """A file that goes.

    Args:
        path: the file.
        what: what it is, for people.
    """

    path: Path
    what: str


@dataclass(frozen=True)
class Left:
    """Something that stays, and why.

    Args:
        path: the file or folder.
        why: in words.
    """

    path: Path
    why: str


@dataclass
class Purge:
    """What a purge would remove, in order, and what it would leave.

    Args:
        run: the run that stays.
        runs: folders of runs that go, each after those made from it, with what goes along.
        digests: of the weights of those runs.
        others: what else goes.
        left: what lies in the lineage and stays.
    """

    run: Path
    runs: dict[Path, list[Artefact]] = field(default_factory=dict)
    digests: dict[Path, str] = field(default_factory=dict)
    others: list[Artefact] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def files(self) -> list[Artefact]:
        """All that goes, in order."""
        return [*chain.from_iterable(self.runs.values()), *self.others]

    def carry_out(self) -> None:
        """Remove the files and the folders that are empty then.

        Killed in between, it is finished by the purge that is found next: until a run is gone
        its mark stays, and so does the run or the list by which it is found.
        """
        for folder in self.runs:
            write_atomically(folder / MARK, self.digests[folder])
        for folder, files in self.runs.items():
            for artefact in files:
                destroy_file(artefact.path)
            destroy_file(folder / MARK)
            _remove_empty(folder)
        for artefact in self.others:
            destroy_file(artefact.path)


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those in it, as far as they are empty."""
    for place, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(place)
        except OSError:
            continue  # something that stays is in it
    sync_folder(folder.parent)
