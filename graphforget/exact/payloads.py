"""What open requests name, kept until they are carried out to the end, and not a moment longer.

The journal itself holds no ids. To finish a request after a crash its ids are needed, so each open
request has a file of its own, which only its owner may read, and which is destroyed at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from graphforget.core.errors import UserError
from graphforget.exact.chain import keyed
from graphforget.exact.destroy import destroy_file, sync_folder
from graphforget.request import ForgetRequest
from graphforget.request_file import read_requests, to_json


def payload_name(key: bytes, request_id: str) -> str:
    """How the file of a request is called: its id may hold anything, and may tell something."""
    return keyed(key, "file", request_id)[:32]


def payloads_of(journal: Path) -> Path:
    """The folder of a journal's open requests."""
    return journal.with_name(journal.name + ".open")


class Payloads:
    """A folder with one file for each open request.

    Args:
        folder: made with the first file.

    >>> import tempfile
    >>> payloads = Payloads(Path(tempfile.mkdtemp()) / "open")
    >>> payloads.write("ab12", ForgetRequest("node", (7,)))
    >>> payloads.read("ab12").index, payloads.destroy("ab12"), payloads.destroy("ab12")
    ((7,), True, False)
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def write(self, name: str, request: ForgetRequest) -> None:
        """Write what a request names, whole or not at all, and return when it is on the disk."""
        new = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        if new:
            sync_folder(self.folder.parent)
        partial = self.folder / f".{uuid4().hex}.partial"
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(file, "wb") as stream:
                stream.write(to_json(request).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, self._path(name))
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(self.folder)

    def read(self, name: str) -> ForgetRequest:
        """What a request names.

        Raises:
            UserError: if the file is gone or damaged.
        """
        path = self._path(name)
        found = read_requests(path)
        if len(found) != 1:
            raise UserError(f"{path}: wanted one request, got {len(found)}; restore the file")
        return found[0]

    def destroy(self, name: str) -> bool:
        """Destroy what a request named; say whether it was there."""
        return destroy_file(self._path(name))

    def sweep(self, names: Iterable[str]) -> None:
        """Destroy all files but those of the named requests.

        Their writer was killed before it could tell the journal, so nobody was promised anything,
        or after it told that the request is purged.
        """
        kept = {self._path(name).name for name in names}
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir()):
                if path.name not in kept and (path.is_file() or path.is_symlink()):
                    destroy_file(path)

    def names(self) -> frozenset[str]:
        """The requests that have a file."""
        if not self.folder.is_dir():
            return frozenset()
        return frozenset(path.stem for path in self.folder.glob("*.json"))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
